"""Command line: ``python -m causalrec_utils.assets fetch|check|list [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import AssetUnavailable, _registry, available, fetch, names, status
from ._sources import say


def _fetch(wanted: Sequence[str]) -> int:
    missing = []
    for number, name in enumerate(wanted, 1):
        try:
            place = fetch(name)
        except AssetUnavailable as error:
            say(str(error))
            missing.append(name)
        else:
            say(f"[{number}/{len(wanted)}] {name}: {place}")
    if missing:
        say(f"can't be had: {', '.join(missing)}")
    return 1 if missing else 0


def _check(wanted: Sequence[str]) -> int:
    places = {name: status(name) for name in wanted}
    for name, place in places.items():
        print(f"{name}\t{place}")
    return 1 if "nowhere" in places.values() else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if everything asked for can be had, else 1."""
    parser = argparse.ArgumentParser(prog="python -m causalrec_utils.assets", description=__doc__)
    parser.add_argument("command", choices=["fetch", "check", "list"])
    parser.add_argument("names", nargs="*", help="assets; by default all but those fetched by hand")
    options = parser.parse_args(arguments)
    wanted = options.names or [
        name for name, entry in _registry.load().items() if not entry.by_hand
    ]
    if unknown := [name for name in wanted if name not in names()]:
        parser.error(f"no asset {unknown[0]!r}; choose from {', '.join(names())}")
    if options.command == "list":
        print(available().loc[wanted].drop(columns="page").to_string())
        return 0
    return _fetch(wanted) if options.command == "fetch" else _check(wanted)


if __name__ == "__main__":
    sys.exit(main())
