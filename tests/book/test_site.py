"""The built site. ``make test`` builds it from the stored outputs first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.book.site import Page, broken_links, foreign_loads, foreign_loads_of_css
from tools import notebooks as nb
from tools.build_site import derived_config

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
PAGES = [p.relative_to(ROOT).with_suffix(".html").as_posix() for p in nb.pages(ROOT)]


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    assert HTML.is_dir(), "there is no site yet: make site"
    return {path: Page(path) for path in HTML.rglob("*.html") if "_static" not in path.parts}


@pytest.mark.parametrize("name", PAGES)
def test_page_exists(name: str) -> None:
    assert (HTML / name).is_file()


def test_no_page_is_left_from_elsewhere(pages: dict[Path, Page]) -> None:
    generated = {"genindex.html", "search.html", "py-modindex.html"}
    names = {path.relative_to(HTML).as_posix() for path in pages}
    assert names - generated <= set(PAGES)


def test_build_had_no_warning() -> None:
    log = (ROOT / "_build" / "build.log").read_text(encoding="utf-8")
    log = re.sub(r"\x1b\[[\d;]*m", "", log)
    assert "build succeeded." in log
    assert not re.findall(r"(?m)^(?:\S+:\s)?(?:WARNING|ERROR|CRITICAL): .*$", log)
    assert "Validation errors in config" not in log


def test_nothing_comes_from_a_foreign_host(pages: dict[Path, Page]) -> None:
    found = {str(path): foreign_loads(page) for path, page in pages.items()}
    sheets = HTML.rglob("*.css")
    found |= {str(p): foreign_loads_of_css(p.read_text(encoding="utf-8")) for p in sheets}
    assert {path: loads for path, loads in found.items() if loads} == {}


def test_links_lead_somewhere(pages: dict[Path, Page]) -> None:
    found = {str(path): broken_links(page, pages) for path, page in pages.items()}
    assert {path: links for path, links in found.items() if links} == {}


@pytest.mark.parametrize("name", PAGES)
def test_images_have_alt_text(name: str) -> None:
    page = (HTML / name).read_text(encoding="utf-8")
    article = page.partition("<article")[2].partition("</article")[0]
    images = re.findall(r"<img[^>]*>", article)
    assert [image for image in images if not re.search(r'alt="[^"]{15,}"', image)] == []


def test_buttons_are_hidden_without_an_address() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    built = derived_config(config)
    assert "repository" not in built and "launch_buttons" not in built
    assert not any(built["html"][key] for key in ("use_repository_button", "use_issues_button"))


def test_buttons_follow_the_address() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    built = derived_config(config, repository="https://example.org/someone/book")
    assert built["repository"]["url"] == "https://example.org/someone/book"
    assert built["repository"]["branch"] == "notebooks"
    assert built["html"]["use_repository_button"]
    assert "repository" not in config and not config["html"]["use_repository_button"]


def test_broken_pages_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text('<p id="here">x</p>')
    text = """<link rel="stylesheet" href="https://cdn.example.org/a.css">
        <script src="//cdn.example.org/a.js"></script><img src="gone.png">
        <a href="https://example.org/fine">x</a><a href="other.html#here">x</a>
        <a href="other.html#gone">x</a><a href="gone.html">x</a><a href="#gone">x</a>"""
    path = tmp_path / "page.html"
    path.write_text(text)
    pages = {p: Page(p) for p in tmp_path.glob("*.html")}
    assert len(foreign_loads(pages[path])) == 2
    broken = broken_links(pages[path], pages)
    assert sorted(broken) == ["#gone", "gone.html", "gone.png", "other.html#gone"]
    css = '@import "https://a.example.org/x.css"; a { background: url(//b.example.org/y.png) }'
    assert len(foreign_loads_of_css(css)) == 2
    assert foreign_loads_of_css("/* https://x.org url(https://x.org) */ a{src:url(x.woff)}") == []
