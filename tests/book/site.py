"""Read the built site: its pages, what they load, where they link."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

__all__ = ["Page", "broken_links", "foreign_loads", "foreign_loads_of_css"]

LOADED_LINKS = {"stylesheet", "preload", "prefetch", "modulepreload", "icon", "preconnect"}
LOADING = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
}


class Page(HTMLParser):
    """One HTML page: ``loads`` (by the browser), ``links`` (for readers), ``ids``."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {k: v or "" for k, v in attrs}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and LOADED_LINKS & set(values.get("rel", "").split()):
            self.loads.append(values.get("href", ""))
        self.loads += [values[a] for a in LOADING.get(tag, ()) if a in values]
        self.loads += re.findall(r"url\(['\"]?([^)'\"]+)", values.get("style", ""))

    handle_startendtag = handle_starttag


def is_foreign(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def foreign_loads(page: Page) -> list[str]:
    """What the browser would fetch from another host to show the page."""
    return [address for address in page.loads if is_foreign(address.strip())]


def foreign_loads_of_css(css: str) -> list[str]:
    """The same for a style sheet."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found = re.findall(r"url\(\s*['\"]?([^)'\"]+)|@import\s+['\"]([^'\"]+)", css)
    return [a or b for a, b in found if is_foreign(a or b)]


def broken_links(page: Page, pages: dict[Path, Page]) -> list[str]:
    """Links and images of the site that lead nowhere, with their anchors."""
    broken = []
    for address in [*page.links, *page.loads]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not address:
            continue
        target, anchor = urldefrag(address)
        path = unquote(urlsplit(target).path)
        file = (page.path.parent / path).resolve() if path else page.path
        if file.is_dir():
            file = file / "index.html"
        anchors = pages[file].ids if file in pages else None
        missing = not file.is_file()
        if missing or (anchor and anchors is not None and unquote(anchor) not in anchors):
            broken.append(address)
    return broken
