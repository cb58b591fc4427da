"""What a schema asks for, field by field, and whether a value is what a field may hold."""

from __future__ import annotations

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Field", "fields_of"]

KNOWN = {"question", "min", "max", "grounded", "max_tokens"}
PRIMITIVE = {bool: "yes or no", int: "integer", float: "number", str: "text"}


@dataclass(frozen=True)
class Field:
    """One field of a schema."""

    name: str
    kind: str  # "one of", "yes or no", "integer", "number", "text"
    question: str
    values: dict[str, Any]  # what each option of a closed question stands for
    optional: bool
    grounded: bool
    low: float
    high: float
    max_tokens: int

    def problem(self, value: Any) -> str | None:
        """Why the field may not hold a value; None if it may."""
        if value is None:
            return None if self.optional else "nothing was found"
        if self.values:
            return None if any(value is v for v in self.values.values()) else "not an option"
        if self.kind == "text":
            fits = isinstance(value, str) and value.strip() != "" and value.isprintable()
            return None if fits else "not one line of text"
        number = int if self.kind == "integer" else float
        if type(value) is not number or not math.isfinite(value):
            return f"not {self.kind!r}"
        if not self.low <= value <= self.high:
            return f"{value} is not in [{self.low:g}, {self.high:g}]"
        return None


def _values(kind: Any, where: str) -> tuple[str, dict[str, Any]]:
    """Kind of a field, and its options with what they stand for."""
    if kind in PRIMITIVE:
        return PRIMITIVE[kind], {"yes": True, "no": False} if kind is bool else {}
    if typing.get_origin(kind) is typing.Literal:
        values = {str(value): value for value in typing.get_args(kind)}
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        values = {str(member.value): member for member in kind}
    else:
        known = "Literal, Enum, bool, int, float, str, or one of these | None"
        raise TypeError(f"{where}: {kind} can't be extracted; use {known}")
    if len(values) < 2:
        raise TypeError(f"{where}: at least two options are needed")
    return "one of", values


def _field(name: str, hint: Any, metadata: Mapping[str, Any]) -> Field:
    where = f"field {name!r}"
    if unknown := set(metadata) - KNOWN:
        known = ", ".join(sorted(KNOWN))
        raise TypeError(f"{where}: unknown metadata {sorted(unknown)}; known are {known}")
    optional = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        optional = len(rest) < len(typing.get_args(hint))
        hint = rest[0] if len(rest) == 1 else hint
    kind, values = _values(hint, where)
    return Field(
        name=name,
        kind=kind,
        question=metadata.get("question") or f"What is the {name.replace('_', ' ')}?",
        values=values,
        optional=optional,
        grounded=metadata.get("grounded", True),
        low=metadata.get("min", -math.inf),
        high=metadata.get("max", math.inf),
        max_tokens=metadata.get("max_tokens", 32),
    )


def fields_of(schema: Any) -> list[Field]:
    """All fields of a dataclass."""
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        raise TypeError(f"schema must be a dataclass, got {schema!r}")
    hints = typing.get_type_hints(schema)
    asked = [field for field in dataclasses.fields(schema) if field.init]
    return [_field(field.name, hints[field.name], field.metadata) for field in asked]
