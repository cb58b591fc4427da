"""Loaders on the real files: facts that the cards state, and what a wrong file leads to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from causalrec_utils import assets, datasets
from causalrec_utils.datasets import _experiments

CAMPAIGNS = {"all": 80, "men": 34, "women": 46}


def need(asset: str) -> None:
    if not assets.is_available(asset):
        pytest.skip(f"{asset} can't be had here: no cache, mirror, package index or publisher")


def swap(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let every loader read this file."""
    monkeypatch.setattr(assets, "fetch", lambda asset, member=None: path)


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_open_bandit(campaign):
    need("open-bandit")
    clicks = {"all": (38, 42), "men": (46, 69), "women": (46, 46)}
    n_items = CAMPAIGNS[campaign]
    for policy, count in zip(("random", "bts"), clicks[campaign], strict=True):
        log = datasets.load_open_bandit(policy, campaign)
        assert log["click"].sum() == count
        assert log["item"].nunique() == n_items
        assert set(log["position"]) == {1, 2, 3}
        assert log["timestamp"].is_monotonic_increasing
        if policy == "random":
            np.testing.assert_allclose(log["propensity"], 1 / n_items)
            # the random policy shows all items about equally often
            assert chisquare(log["item"].value_counts()).pvalue > 1e-4
    assert datasets.load_open_bandit_items(campaign)["item"].tolist() == list(range(n_items))
    priors = datasets.load_open_bandit_priors(campaign)
    assert len(priors) == n_items and (priors[["alpha", "beta"]] > 0).all(axis=None)


def test_open_bandit_affinity_and_choices():
    need("open-bandit")
    log = datasets.load_open_bandit("random", "men", affinity=True)
    assert [c for c in log if c.startswith("affinity_")] == [f"affinity_{k}" for k in range(34)]
    with pytest.raises(ValueError, match="policy must be one of random, bts; got 'ucb'"):
        datasets.load_open_bandit("ucb")
    with pytest.raises(ValueError, match="campaign must be one of all, men, women"):
        datasets.load_open_bandit_items("kids")


def test_open_bandit_full_reads_the_folder_of_the_reader(monkeypatch, tmp_path):
    need("open-bandit")
    sample = datasets.load_open_bandit("bts", "men")
    source = assets.fetch("open-bandit", "bts/men/men.csv")
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))
    monkeypatch.delenv("CAUSALREC_DATA_MIRROR", raising=False)
    with pytest.raises(assets.AssetUnavailable, match=r"research\.zozo\.com/data\.html") as caught:
        datasets.load_open_bandit("bts", "men", full=True)
    target = tmp_path / "open-bandit-full" / "open_bandit_dataset" / "bts" / "men" / "men.csv"
    assert str(target) in str(caught.value)
    target.parent.mkdir(parents=True)
    target.write_bytes(source.read_bytes())
    pd.testing.assert_frame_equal(datasets.load_open_bandit("bts", "men", full=True), sample)


def test_open_bandit_with_a_bad_propensity(monkeypatch, tmp_path):
    need("open-bandit")
    raw = pd.read_csv(assets.fetch("open-bandit", "bts/men/men.csv"), index_col=0)
    raw.loc[17, "propensity_score"] = 0.0
    raw.to_csv(tmp_path / "men.csv")
    swap(monkeypatch, tmp_path / "men.csv")
    with pytest.raises(datasets.SchemaError, match=r"men\.csv: column 'propensity': .*row: 17 "):
        datasets.load_open_bandit("bts", "men")
    raw.drop(columns="click").to_csv(tmp_path / "men.csv")
    with pytest.raises(datasets.SchemaError, match="column 'click': is missing"):
        datasets.load_open_bandit("bts", "men")


def test_open_bandit_priors_of_another_file(monkeypatch, tmp_path):
    (tmp_path / "p.yaml").write_text("men:\n  alpha: [1.0]\n")
    swap(monkeypatch, tmp_path / "p.yaml")
    with pytest.raises(datasets.SchemaError, match="no lists alpha and beta for 'men'"):
        datasets.load_open_bandit_priors("men")


def test_coat():
    need("coat")
    coat = datasets.load_coat()
    assert round(coat.train["rating"].mean(), 3) == 2.611
    assert round(coat.test["rating"].mean(), 3) == 2.229
    assert coat.train.groupby("user").size().unique().tolist() == [24]
    assert coat.test.groupby("user").size().unique().tolist() == [16]
    both = coat.train.merge(coat.test, on=["user", "item"])
    assert len(both) == 366 and (both["rating_x"] == both["rating_y"]).all()
    assert coat.propensities.shape == (290, 300)


@pytest.mark.parametrize("kind", ["user", "item"])
def test_coat_features_decode_the_published_columns(kind):
    need("coat")
    decoded = getattr(datasets.load_coat(), f"{kind}_features")
    published = np.loadtxt(assets.fetch("coat", f"user_item_features/{kind}_features.ascii"))
    np.testing.assert_array_equal(pd.get_dummies(decoded).to_numpy(float), published)


def test_coat_with_wrong_files(monkeypatch, tmp_path):
    path = tmp_path / "m.ascii"
    swap(monkeypatch, path)
    path.write_text("1 2\n3 4\n")
    with pytest.raises(datasets.SchemaError, match=r"must have shape \(290, 300\), got \(2, 2\)"):
        datasets.load_coat()
    path.write_text("<html>not found</html>")
    with pytest.raises(datasets.SchemaError, match="not a table of numbers"):
        datasets.load_coat()
    np.savetxt(path, np.zeros((290, 300)))
    with pytest.raises(datasets.SchemaError, match=r"propensities must be in \(0, 1\]"):
        datasets.load_coat()


def test_movielens():
    need("movielens-100k")
    ratings, users, items = datasets.load_movielens_100k()
    assert not ratings.duplicated(["user", "item"]).any()
    assert set(ratings["user"]) == set(users["user"])
    assert set(ratings["item"]) == set(items["item"])
    assert ratings.groupby("user").size().min() == 20
    assert ratings["timestamp"].min().year == 1997
    assert items.loc[items["year"].isna(), "item"].tolist() == [267, 1412]
    assert items.set_index("item").loc[1, "genres"] == "Animation Children's Comedy"
    triples, links = datasets.load_movielens_100k_graph()
    assert set(links["entity"]) <= set(triples["subject"]) | set(triples["object"])
    assert links["item"].is_unique


def test_upworthy():
    need("upworthy")
    arms = datasets.load_upworthy()
    assert arms["test"].nunique() == 4873
    np.testing.assert_allclose(arms["ctr"], arms["clicks"] / arms["impressions"])
    assert arms.groupby("test")["randomised"].nunique().max() == 1
    # the flag marks the tests whose arms were not shown equally often
    p = arms.groupby("test")["impressions"].agg(lambda n: chisquare(n).pvalue)
    flag = arms.groupby("test")["randomised"].first()
    assert (p[~flag] < 1e-3).mean() > 0.5
    assert (p[flag] < 1e-3).mean() < 0.01


def publisher_csv(arms: pd.DataFrame, path: Path) -> pd.DataFrame:
    """A file with the publisher's columns and no week, from loaded rows."""
    raw = arms.rename(columns={"test": "clickability_test_id", "image": "eyecatcher_id"})
    raw = raw.drop(columns=["week", "ctr", "randomised"]).assign(slug="s", share_text=None)
    raw = raw.rename(columns={"created": "created_at"})
    raw.to_csv(path)
    return raw


def test_upworthy_publisher_file(monkeypatch, tmp_path):
    need("upworthy")
    arms = datasets.load_upworthy().head(500)
    folder = tmp_path / "upworthy"
    folder.mkdir()
    publisher_csv(arms, folder / _experiments.CSV)
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    full = datasets.load_upworthy(full=True)
    pd.testing.assert_frame_equal(full.drop(columns="week"), arms.drop(columns="week"))
    assert (full["week"] == arms["week"]).mean() > 0.9
    monkeypatch.delenv("CAUSALREC_DATA_MIRROR", raising=False)
    pd.testing.assert_frame_equal(datasets.load_upworthy(), full)  # the CSV alone is enough
    assert assets.status("upworthy") == "cache"


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("clickability_test_id", "g" * 24, "must be 24 hex digits"),
        ("impressions", 0, r"must be in \[1, inf\)"),
        ("clicks", 10**9, r"column 'clicks / impressions': must be in \[0, 1\]"),
        ("significance", 101.0, r"must be in \[0, 100\]"),
    ],
)
def test_upworthy_with_a_bad_row(monkeypatch, tmp_path, column, value, rule):
    need("upworthy")
    path = tmp_path / "arms.csv"
    raw = publisher_csv(datasets.load_upworthy().head(20), path)
    raw.loc[3, column] = value
    raw.to_csv(path)
    swap(monkeypatch, path)
    with pytest.raises(datasets.SchemaError, match=rf"arms\.csv: .*{rule}.*row: 3 "):
        datasets.load_upworthy(full=True)


def test_hillstrom():
    need("hillstrom")
    customers = datasets.load_hillstrom()
    rates = customers.groupby("segment", observed=True)["visit"].mean().round(4)
    assert rates.to_dict() == {
        "No E-Mail": 0.1062,
        "Mens E-Mail": 0.1828,
        "Womens E-Mail": 0.1514,
    }
    assert ((customers["spend"] > 0) == (customers["conversion"] == 1)).all()
    assert chisquare(customers["segment"].value_counts()).pvalue > 0.01


def test_hillstrom_cut_short(monkeypatch, tmp_path):
    need("hillstrom")
    rows = assets.fetch("hillstrom", _experiments.HILLSTROM).read_text().splitlines()[:100]
    (tmp_path / "h.csv").write_text("\n".join(rows))
    swap(monkeypatch, tmp_path / "h.csv")
    with pytest.raises(datasets.SchemaError, match=r"h\.csv: must have 64,000 rows, got 99"):
        datasets.load_hillstrom()


def test_available_names_real_loaders_assets_and_cards():
    table = datasets.available()
    assert all(callable(getattr(datasets, name)) for name in table.index)
    assert set(table["asset"]) <= set(assets.names())
    cards = Path(datasets.__file__).parents[2] / "data"
    if cards.exists():
        for asset in table["asset"]:
            assert (cards / f"{asset}.md").read_text(encoding="utf-8").startswith("# ")


def test_offline_without_data_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    monkeypatch.delenv("CAUSALREC_DATA_MIRROR", raising=False)
    for name in datasets.available().index:
        with pytest.raises(assets.AssetUnavailable, match="to go on by hand"):
            getattr(datasets, name)()
    assert (datasets.available()["status"] == "nowhere").all()
