"""Files on disk: hashes, atomic writes, safe reading of archives, a lock for each folder."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ._registry import File

__all__ = ["Corrupt", "check", "digest", "extract", "locked", "write"]

CHUNK = 1 << 20


class Corrupt(OSError):
    """A file or archive that is not what was pinned, is cut short, or is unsafe to read."""


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check(path: Path, file: File) -> None:
    """Raise `Corrupt` unless the file has one of its pinned hashes (or none is pinned)."""
    if not file.sha256:
        return
    found = digest(path)
    if found not in file.sha256:
        raise Corrupt(f"{path}: SHA-256 is {found}, expected {' or '.join(file.sha256)}")


def write(source: IO[bytes], target: Path, file: File) -> None:
    """Copy a stream to ``target`` so that a complete, checked file appears there or nothing does.

    Call it with the folder locked. Reading stops at the pinned size, so that a small archive
    cannot unpack into a huge file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.tmp")
    left = file.bytes + 1 if file.bytes is not None else None
    try:
        with open(aside, "wb") as out:
            while left is None or left > 0:
                chunk = source.read(CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    break
                out.write(chunk)
                left = None if left is None else left - len(chunk)
        check(aside, file)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def _refuse_unsafe(info: zipfile.ZipInfo) -> None:
    name = info.filename
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    if absolute or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        raise Corrupt(f"unsafe archive: member {name!r} would be written outside of its folder")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise Corrupt(f"unsafe archive: member {name!r} is a symbolic link")


def extract(archive: Path, wanted: Iterable[File], folder: Path) -> None:
    """Take the wanted members out of a zip file (a wheel is one) into ``folder``.

    The archive is refused as a whole if any member, wanted or not, has an absolute or parent path
    or is a symbolic link. Names to write to come from the registry, never from the archive.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                _refuse_unsafe(info)
            names = set(opened.namelist())
            for file in wanted:
                if file.member not in names:
                    raise Corrupt(f"{archive.name} has no member {file.member!r}")
                with opened.open(file.member) as stream:
                    write(stream, folder / file.name, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Corrupt(f"{archive.name} is not a readable archive: {error}") from error


def _try_lock(stream: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time fill a folder; the lock falls with the process that holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = open(folder / ".lock", "a+b")  # noqa: SIM115 (closed by the block below)
    except OSError as error:
        hint = "set CAUSALREC_CACHE to a folder that can be written"
        raise OSError(f"{folder} can't be written ({error}); {hint}") from error
    with stream:
        while not _try_lock(stream):
            time.sleep(0.1)
        yield
