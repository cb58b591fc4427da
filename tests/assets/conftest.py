"""A small world for `assets`: its own registry, cache, wheel and web server, no network."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from causalrec_utils.assets import _registry, _sources

CONTENT = {"a.csv": b"x,y\n1,2\n" * 5000, "deep/b.csv": b"z\n3\n" * 100}
BIG = bytes(range(256)) * 8000


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def registry_text(url: str = "http://127.0.0.1:1") -> str:
    files = "\n".join(
        f'"{name}" = {{ bytes = {len(data)}, sha256 = ["{sha(data)}"] }}'
        for name, data in CONTENT.items()
    )
    head = 'title = "Toy"\npage = "https://example.org/toy"\nprefix = "toy/"\n'
    return f"""
[zipped]
{head}url = "{url}/toy.zip"
[zipped.files]
{files}
[wheeled]
{head}wheel = "causalrec-toy==1.0"
[wheeled.files]
{files}
[single]
{head}
[single.files]
"big.bin" = {{ bytes = {len(BIG)}, sha256 = ["{sha(BIG)}"], url = "{url}/big.bin" }}
[either]
{head}any_of = true
[either.files]
"copy.bin" = {{ bytes = {len(BIG)}, sha256 = ["{sha(BIG)}"] }}
"original.csv" = {{ sha256 = [], url = "{url}/a.csv" }}
[manual]
{head}by_hand = true
[manual.files]
"huge/a.csv" = {{ sha256 = [] }}
"""


def make_zip(path: Path, members: dict[str, bytes] | None = None, prefix: str = "toy/") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen = {prefix + k: v for k, v in CONTENT.items()} if members is None else members
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in chosen.items():
            archive.writestr(name, data)
    return path


def make_wheel(folder: Path) -> Path:
    about = "causalrec_toy-1.0.dist-info"
    members = {f"toy/{name}": data for name, data in CONTENT.items()}
    members[f"{about}/METADATA"] = b"Metadata-Version: 2.1\nName: causalrec-toy\nVersion: 1.0\n"
    members[f"{about}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    members[f"{about}/RECORD"] = b""
    return make_zip(folder / "causalrec_toy-1.0-py3-none-any.whl", members)


@dataclass
class Server:
    """What the web server gives, and what it was asked for."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"v1"'
    cut_after: list[int] = field(default_factory=list)  # for the next answers, one each
    ranges: list[str | None] = field(default_factory=list)
    delay: float = 0.0

    def add(self, name: str, data: bytes) -> None:
        self.bodies["/" + name] = data


@dataclass
class ToyAssets:
    """What the tests of the toy registry need at hand."""

    cache: Path
    server: Server
    content: dict[str, bytes] = field(default_factory=lambda: dict(CONTENT))
    big: bytes = BIG
    zip: Callable[..., Path] = staticmethod(make_zip)
    wheel: Callable[[Path], Path] = staticmethod(make_wheel)
    registry_text: Callable[..., str] = staticmethod(registry_text)

    def whole_files(self) -> set[str]:
        """Files that a reader of the cache would take for finished ones."""
        names = (path.relative_to(self.cache).as_posix() for path in self.cache.rglob("*"))
        return {name for name in names if not Path(name).name.startswith(".")} - {
            path.relative_to(self.cache).as_posix()
            for path in self.cache.rglob("*")
            if path.is_dir()
        }


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path in server.bodies else 404)
            self.end_headers()

        def do_GET(self) -> None:
            if self.path not in server.bodies:
                self.send_error(404)
                return
            threading.Event().wait(server.delay)
            asked = self.headers.get("Range")
            server.ranges.append(asked)
            body = server.bodies[self.path]
            start = 0
            if asked and self.headers.get("If-Range") == server.etag:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("ETag", server.etag)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            stop = server.cut_after.pop(0) if server.cut_after else len(body)
            self.wfile.write(body[start : start + stop])
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield state
    web.shutdown()
    web.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no mirror, and no proxy between us and 127.0.0.1."""
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path / "cache"))
    for name in ("CAUSALREC_DATA_MIRROR", "CAUSALREC_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _sources.wheel_is_offered.cache_clear()
    _sources.url_answers.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def toy(cache: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> ToyAssets:
    """The toy registry in place of the real one, with addresses on the test's own server."""
    entries = _registry.parse(registry_text(server.url))
    monkeypatch.setattr(_registry, "load", lambda: entries)
    return ToyAssets(cache, server)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("CAUSALREC_DATA_MIRROR", str(folder))
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the whole package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder
