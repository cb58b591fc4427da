"""What can be fetched, read from the pinned table ``registry.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

__all__ = ["Asset", "File", "find", "load"]


@dataclass(frozen=True)
class File:
    """One file: its path in the cache, the hashes it may have, and where it is in an archive."""

    name: str
    member: str
    sha256: tuple[str, ...] = ()
    bytes: int | None = None
    url: str | None = None


@dataclass(frozen=True)
class Asset:
    """A named set of files with the places that they come from."""

    name: str
    title: str
    page: str
    files: dict[str, File] = field(repr=False)
    wheel: str | None = None
    wheel_sha256: str | None = None
    url: str | None = None
    any_of: bool = False
    by_hand: bool = False

    def pick(self, member: str | None) -> list[File]:
        """The named file, or all of them."""
        if member is None:
            return list(self.files.values())
        if member not in self.files:
            have = ", ".join(self.files)
            raise ValueError(f"asset {self.name!r} has no file {member!r}; it has {have}")
        return [self.files[member]]

    def archive_names(self) -> list[str]:
        """Names (or patterns) of archives that hold the files, if a reader puts one in a folder."""
        names = []
        if self.wheel:
            package, version = self.wheel.split("==")
            names.append(f"{package.replace('-', '_')}-{version}-*.whl")
        if self.url:
            names.append(self.url.rsplit("/", 1)[-1])
        return names


def parse(text: str) -> dict[str, Asset]:
    """Assets by name from the text of a registry."""
    assets = {}
    for name, entry in tomllib.loads(text).items():
        prefix = entry.pop("prefix", "")
        entry.pop("unpinned", None)  # a reason, for those who read the table
        members = {
            path: File(
                name=path,
                member=spec.get("member", prefix + path),
                sha256=tuple(spec["sha256"]),
                bytes=spec.get("bytes"),
                url=spec.get("url"),
            )
            for path, spec in entry.pop("files").items()
        }
        assets[name] = Asset(name=name, files=members, **entry)
    return assets


@cache
def load() -> dict[str, Asset]:
    """The library's own registry."""
    return parse((files(__package__) / "registry.toml").read_text(encoding="utf-8"))


def find(name: str) -> Asset:
    """One asset, or an error that lists the names."""
    assets = load()
    if name not in assets:
        raise ValueError(f"no asset {name!r}; choose one of {', '.join(assets)}")
    return assets[name]
