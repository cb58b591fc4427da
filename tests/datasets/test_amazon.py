"""Amazon Digital Music: the cut copy, the publisher's formats, hostile lines."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest

from causalrec_utils import assets, datasets

REVIEW = {
    "reviewerID": "A1",
    "asin": "B1",
    "reviewerName": "someone",
    "helpful": [2, 3],
    "reviewText": "Fine.",
    "overall": 5.0,
    "summary": "Good",
    "unixReviewTime": 1158019200,
    "reviewTime": "09 12, 2006",
}
ITEM = {
    "asin": "B1",
    "title": "An 'album'",
    "brand": "",
    "description": "Songs.",
    "price": 9.5,
    "salesRank": {"Music": 7},
    "imUrl": "http://example.org/1.jpg",
    "related": {"also_bought": ["B2"]},
    "categories": [["CDs & Vinyl", "Pop"], ["Digital Music", "Jazz", "Bebop"]],
}


def zipped(*lines: str) -> bytes:
    return gzip.compress("\n".join(lines).encode())


def files(*, review: dict | None = None, item: str | None = None) -> dict[str, bytes]:
    return {
        "reviews_Digital_Music_5.json.gz": zipped(json.dumps(REVIEW | (review or {}))),
        "meta_Digital_Music.json.gz": zipped(item or repr(ITEM), repr({"asin": "B2"})),
    }


def test_the_copy_is_cut_by_user_and_whole_by_item(real):
    real("amazon-digital-music")
    reviews, items, complete = datasets.load_amazon_digital_music()
    assert not complete
    assert reviews["user"].nunique() == 2490 and reviews["item"].nunique() == 382
    # the 5-core promises five reviews each: albums have them, users do not
    assert reviews.groupby("item").size().min() == 5
    assert (reviews.groupby("user").size() == 1).mean() > 0.4
    assert set(reviews["item"]) <= set(items["item"])
    assert (reviews["helpful_votes"] <= reviews["votes"]).all()
    assert items[["title", "brand", "price", "sales_rank"]].isna().sum().tolist() == [
        98,
        6865,
        24,
        9,
    ]
    assert items["genre"].notna().all()
    assert items["also_bought"].map(len).mean() > 40


def test_publisher_format_is_python_dictionaries(reader):
    folder = reader / "amazon-digital-music"
    folder.mkdir()
    for name, content in files().items():
        (folder / name).write_bytes(content)
    assert assets.status("amazon-digital-music") == "cache"
    for full in (True, False):  # the publisher's files stand in where the copy is missing
        reviews, items, complete = datasets.load_amazon_digital_music(full=full)
        assert complete
        assert reviews.loc[0, ["user", "rating", "helpful_votes", "votes"]].tolist() == [
            "A1",
            5,
            2,
            3,
        ]
        assert items["title"].fillna("-").tolist() == ["An 'album'", "-"]
        assert items["brand"].isna().all() and items["genre"].tolist()[0] == "Jazz"
        assert items["sales_rank"].tolist() == [7, pd.NA]
        assert items["also_bought"].tolist() == [["B2"], []]
        assert items["categories"].tolist() == [ITEM["categories"], []]


@pytest.mark.parametrize(
    "line",
    [
        "__import__('os').system('touch hacked')",
        "{'asin': open('hacked', 'w').write('x')}",
        "(" * 5000,
        "['B1']",
    ],
)
def test_a_line_is_never_evaluated(serve, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    for name, content in files(item=line).items():
        serve(name, content)
    with pytest.raises(datasets.SchemaError, match="not a record; first offending row: 0"):
        datasets.load_amazon_digital_music(full=True)
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"overall": 6.0}, r"column 'rating': must be in \[1, 5\]; first offending row: 0"),
        ({"helpful": [1]}, r"column 'helpful': must be \[helpful votes, votes\]; first offending"),
        ({"helpful": [4, 3]}, "column 'helpful': helpful votes must be at most the votes"),
        ({"reviewText": None}, "column 'text': must not be missing; first offending row: 0"),
    ],
)
def test_a_bad_review(serve, change, rule):
    for name, content in files(review=change).items():
        serve(name, content)
    with pytest.raises(datasets.SchemaError, match=rf"Music_5\.json\.gz: {rule}"):
        datasets.load_amazon_digital_music(full=True)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"price": -1.0}, r"column 'price': must be in \[0, inf\); first offending row: 0"),
        ({"related": "B2"}, "column 'related': must be a dict; first offending row: 0"),
        ({"asin": "B2"}, "column 'item': must be unique; first offending row: 1"),
    ],
)
def test_a_bad_item(serve, change, rule):
    for name, content in files(item=repr(ITEM | change)).items():
        serve(name, content)
    with pytest.raises(datasets.SchemaError, match=rf"meta_.*: {rule}"):
        datasets.load_amazon_digital_music(full=True)


def test_a_file_cut_short(serve):
    for name, content in files().items():
        serve(name, content[:-9] if name.startswith("meta") else content)
    with pytest.raises(datasets.SchemaError, match="not a complete gzip file"):
        datasets.load_amazon_digital_music(full=True)
