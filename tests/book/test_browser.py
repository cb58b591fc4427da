"""Every page in a real browser: phone and desktop width, light and dark."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import notebooks as nb

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
PAGES = [p.relative_to(ROOT).with_suffix(".html").as_posix() for p in nb.pages(ROOT)]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]

# What the page says of itself, once it has settled. Contrast is that of WCAG 2.1: 4.5 for text,
# 3 for large text. Colours are resolved by drawing them, so any CSS notation is understood.
INSPECT = (Path(__file__).parent / "inspect_page.js").read_text(encoding="utf-8")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without logging each request."""

    def log_message(self, *_: Any) -> None:
        pass


def serve(folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    assert HTML.is_dir(), "there is no site yet: make site"
    server, address = serve(HTML)
    yield address
    server.shutdown()


def problems(browser: Any, address: str, *, width: int, scheme: str) -> list[str]:
    """Load one page and say everything that a reader would stumble over."""
    found: list[str] = []
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.on("console", lambda m: m.type == "error" and found.append(f"console: {m.text}"))
    page.on("pageerror", lambda e: found.append(f"script error: {e}"))
    page.on("requestfailed", lambda r: found.append(f"request failed: {r.url}"))
    page.on("response", lambda r: r.status >= 400 and found.append(f"{r.status}: {r.url}"))
    page.on(
        "request",
        lambda r: (
            r.url.startswith(("http://127.0.0.1:", "data:", "blob:"))
            or found.append(f"foreign host: {r.url}")
        ),
    )
    page.goto(address, wait_until="networkidle")
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.wait_for_load_state("networkidle")
    found += page.evaluate(INSPECT, scheme)
    context.close()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_page(browser: Any, site: str, name: str, width: int, scheme: str) -> None:
    assert problems(browser, site + name, width=width, scheme=scheme) == []


BAD_PAGE = """<!doctype html><html data-theme="light"><body style="background: white">
<link rel="icon" href="data:,"><script>console.error("a fault"); null.x</script>
<img src="gone.png" alt="x"><script src="http://localhost:9/foreign.js"></script>
<article class="bd-article"><h1 style="display: none">Title</h1>
<p style="color: #ccc">faint words</p><div style="width: 900px">wide</div>
<span class="math">\\(x\\)</span></article></body></html>"""


@pytest.mark.parametrize(
    "said",
    [
        "console: a fault",
        "script error",
        "404",
        "image not shown",
        "foreign host",
        "wider than",
        "contrast",
        "no visible heading",
        "formulas not drawn",
        "colour scheme",
    ],
)
def test_bad_page_is_found(browser: Any, tmp_path: Path, said: str) -> None:
    (tmp_path / "bad.html").write_text(BAD_PAGE)
    server, address = serve(tmp_path)
    found = problems(browser, address + "bad.html", width=390, scheme="dark")
    server.shutdown()
    assert any(said in problem for problem in found), found
