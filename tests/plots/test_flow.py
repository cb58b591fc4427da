"""Flow charts say what they show, and have every box and every arrow."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from causalrec_utils import plots

ALT = "Three boxes in a row, and a way back"
STEPS = ["Plan: cheap & quick", "Do", "Check"]
SVG = "{http://www.w3.org/2000/svg}"


def test_boxes_arrows_and_words() -> None:
    chart = plots.flow_chart(STEPS, back=[(2, 0, "again <3")], alt=ALT)
    root = ET.fromstring(chart.svg)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == ALT
    groups = [g.get("class") for g in root.iter(f"{SVG}g")]
    assert groups.count("node") == 3
    assert groups.count("edge") == 3
    words = " ".join(t.text or "" for t in root.iter(f"{SVG}text"))
    assert re.search(r"Plan.*cheap & quick.*Do.*Check", words.replace("\xa0", " "))
    assert "again <3" in words.replace("\xa0", " ")
    assert chart._repr_svg_() == chart.svg


@pytest.mark.parametrize("drawn", ["script", "href", 'http://www.w3.org/1999/xlink" onload'])
def test_text_of_a_box_stays_text(drawn: str) -> None:
    hostile = f'<{drawn}>"x"</{drawn}>'
    chart = plots.flow_chart([hostile, "Do"], alt=ALT)
    tags = {e.tag.removeprefix(SVG) for e in ET.fromstring(chart.svg).iter()}
    assert tags <= {"svg", "title", "g", "polygon", "path", "text"}


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="alt must say what the chart shows"):
        plots.flow_chart(STEPS, alt="A chart")
    with pytest.raises(ValueError, match="steps must be at least two, got 1"):
        plots.flow_chart(["Do"], alt=ALT)
    with pytest.raises(ValueError, match="back names step 3, but steps count from 0 to 2"):
        plots.flow_chart(STEPS, back=[(3, 0, "why")], alt=ALT)
