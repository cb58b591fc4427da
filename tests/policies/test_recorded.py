"""Recorded embeddings of headlines: what the record holds, and that it is what was computed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import assets, datasets
from causalrec_utils.policies import _recorded, recorded_components
from causalrec_utils.policies._recorded import component_key


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], np.ndarray]:
    """Puts these headlines into a record of its own; gives back what is stored of each."""

    def put(headlines: list[str]) -> np.ndarray:
        rng = np.random.default_rng(0)
        stored = rng.integers(-127, 128, (len(headlines), 2)).astype(np.int8)
        record = {
            "mean": rng.normal(size=5).tolist(),
            "directions": rng.normal(size=(5, 2)).tolist(),
            "step": [0.5, 0.25],
            "keys": [component_key(h) for h in headlines],
            "components": base64.b64encode(stored.tobytes()).decode(),
        }
        (tmp_path / "recorded.json").write_text(json.dumps(record), encoding="utf-8")
        monkeypatch.setattr(_recorded, "files", lambda package: tmp_path)
        return stored

    return put


def study() -> pd.Series:
    """Headlines of section 5.2.3: of randomised tests of one picture."""
    if not assets.is_available("upworthy"):
        pytest.skip("upworthy can't be had here: no cache, mirror, package index or publisher")
    rows = datasets.load_upworthy().query("randomised").dropna(subset="image")
    rows = rows[rows.groupby("test")["image"].transform("nunique") == 1]
    arms = rows.groupby(["test", "headline"], as_index=False)["clicks"].sum()
    return arms.loc[arms.groupby("test")["headline"].transform("size") > 1, "headline"]


def test_rows_follow_the_headlines(small: Callable[[list[str]], np.ndarray]) -> None:
    names = ["One", "Two", "Trois, déjà vu", "Four"]
    expected = small(names) * [0.5, 0.25]
    order = [2, 0, 0, 3]
    frame = recorded_components(names[i] for i in order)
    assert np.array_equal(frame, expected[order]) and frame.index.tolist() == [0, 1, 2, 3]
    labelled = pd.Series(names, index=[9, 9, 7, 5])
    assert np.array_equal(recorded_components(labelled), expected)
    assert recorded_components([]).shape == (0, 2)


def test_attributes(small: Callable[[list[str]], np.ndarray]) -> None:
    small(["One", "Two"])
    attrs = recorded_components(["Two"]).attrs
    assert {k: v.shape for k, v in attrs.items()} == {
        "mean": (5,),
        "directions": (5, 2),
        "step": (2,),
    }
    assert attrs["step"].tolist() == [0.5, 0.25]


def test_unknown_headlines(small: Callable[[list[str]], np.ndarray]) -> None:
    with pytest.raises(ValueError) as error:
        recorded_components(["never written"])
    assert str(error.value) == "row 0: 'never written' is not in the record"
    small(["One", "Two"])
    with pytest.raises(ValueError) as error:
        recorded_components(["One", "two", "three"])
    assert str(error.value) == "row 1: 'two' is not in the record"


def test_keys() -> None:
    assert component_key("A Headline") == "ae4d90e3ce"
    assert component_key("A headline") != component_key("A Headline")
    assert len(component_key("déjà vu")) == 10 and int(component_key("déjà vu"), 16) >= 0


def test_the_record_is_sound() -> None:
    path = Path(_recorded.__file__).with_name("recorded.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert len(set(record["keys"])) == len(record["keys"])
    stored = np.frombuffer(base64.b64decode(record["components"]), np.int8)
    stored = stored.reshape(len(record["keys"]), 24).astype(int)
    assert (np.abs(stored).max(axis=0) == 126).all()  # each component uses all steps
    directions = np.array(record["directions"])
    assert directions.shape == (384, 24) and len(record["mean"]) == 384
    assert np.allclose(directions.T @ directions, np.eye(24), atol=2e-3)
    spread = (stored * record["step"]).std(axis=0)
    assert spread[0] == spread.max() and spread[-1] < spread[0] / 1.5


def test_all_headlines_of_the_study() -> None:
    headlines = study()
    frame = recorded_components(headlines)
    assert frame.shape == (len(headlines), 24) and len(headlines) > 8000
    assert np.isfinite(frame).all(axis=None)
    assert frame.index.equals(pd.RangeIndex(len(headlines)))
    first = headlines.drop_duplicates().iloc[:300]
    place = np.flatnonzero(headlines.isin(first))
    again = recorded_components(first).set_axis(first)
    assert np.array_equal(again.loc[headlines.iloc[place]], frame.iloc[place])


def test_record_is_the_embedding() -> None:
    from causalrec_utils import text

    headlines = study().sample(6, random_state=0)
    try:
        assets.fetch("all-minilm-l6-v2")
    except assets.AssetUnavailable as error:
        pytest.skip(str(error).splitlines()[0])
    frame = recorded_components(headlines)
    live = text.embed(headlines, cache="off", progress=False) - frame.attrs["mean"]
    gap = np.abs(live @ frame.attrs["directions"] - frame)
    assert (gap < 0.6 * frame.attrs["step"] + 1e-3).all(axis=None)
    assert (np.abs(frame).mean() > 3 * frame.attrs["step"]).all()  # so the bound says something
