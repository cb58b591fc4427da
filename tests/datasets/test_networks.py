"""Standard networks: parsing, sampling against the tables, interventions; the Sachs data."""

from __future__ import annotations

import gzip

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_utils import datasets
from causalrec_utils.datasets._networks import parse_bif

SIZES = {"asia": (8, 8), "sachs": (11, 17), "alarm": (37, 46), "child": (20, 25)}
SIZES["insurance"] = (27, 52)
# the child stands before its parents, rows are out of order
RAIN = """network unknown {
}
variable wet {
  type discrete [ 2 ] { yes, no };
}
variable rain {
  type discrete [ 2 ] { yes, no };
}
variable tap {
  type discrete [ 3 ] { off, <5, >=5 };
}
probability ( wet | rain, tap ) {
  (no, off) 0.1, 0.9;
  (yes, off) 0.8, 0.2;
  (yes, <5) 0.9, 0.1;
  (no, <5) 0.5, 0.5;
  (yes, >=5) 1.0, 0.0;
  (no, >=5) 7e-1, 0.3;
}
probability ( rain ) {
  table 0.3, 0.7;
}
probability ( tap ) {
  table 0.5, 0.3, 0.2;
}
"""


def test_parse():
    network = parse_bif(RAIN, "rain")
    assert network.nodes == ("rain", "tap", "wet")
    assert network.edges == [("rain", "wet"), ("tap", "wet")]
    assert network.parents("wet") == ["rain", "tap"] and network.parents("rain") == []
    assert network.tables["wet"].loc[("no", ">=5"), "yes"] == 0.7
    assert network.tables["rain"].loc[0, "no"] == 0.7
    assert network.descriptions == {}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("  (no, off) 0.1, 0.9;\n", "", "the table of 'wet' has other rows or columns"),
        ("(no, off) 0.1, 0.9", "(no, off) 0.1, 0.1, 0.8", "'wet' has other rows or columns"),
        ("0.3, 0.7;", "0.3, 0.6;", "the table of 'rain' has rows that are no probabilities"),
        ("0.3, 0.7;", "-0.3, 1.3;", "the table of 'rain' has rows that are no probabilities"),
        ("variable tap", "variable pat", "'wet' or a parent of it is not declared"),
        ("probability ( tap ) {\n  table 0.5, 0.3, 0.2;\n}", "", "each variable must have one"),
        ("0.3, 0.7;", "x, 0.7;", "could not convert"),
    ],
)
def test_broken_networks(serve, old, new, rule):
    assert old in RAIN
    serve("asia.bif.gz", gzip.compress(RAIN.replace(old, new).encode()))
    with pytest.raises(datasets.SchemaError, match=rf"asia\.bif\.gz: not a network: .*{rule}"):
        datasets.load_network("asia")


def test_a_cycle_is_refused():
    loop = RAIN.replace("( rain ) {\n  table 0.3, 0.7", "( rain | wet ) {\n  (yes) 1, 0; (no) 0, 1")
    with pytest.raises(ValueError, match="the edges have a cycle"):
        parse_bif(loop, "rain")


def test_samples_follow_the_tables():
    network = parse_bif(RAIN, "rain")
    n = 20_000
    rows = network.sample(n, seed=3)
    for node in network.nodes:
        parents = network.parents(node)
        groups = rows.groupby(parents, observed=True) if parents else [((0,), rows)]
        for key, group in groups:
            chances = network.tables[node].loc[key if len(parents) > 1 else key[0]]
            for value, chance in chances.items():
                low, high = binom.interval(1 - 1e-5, len(group), chance)
                assert low <= (group[node] == value).sum() <= high


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    network = parse_bif(RAIN, "rain")
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    pd.testing.assert_frame_equal(network.sample(50, seed=1), network.sample(50, seed=1))
    assert not network.sample(50, seed=1).equals(network.sample(50, seed=2))
    assert (np.random.get_state()[1] == before).all()


def test_an_intervention_cuts_the_causes_and_keeps_the_rest():
    network = parse_bif(RAIN, "rain")
    seen, forced = network.sample(20_000, seed=4), network.sample(20_000, seed=4, do={"wet": "yes"})
    assert set(forced["wet"]) == {"yes"}
    # causes don't change when their effect is set, though observing it tells about them
    pd.testing.assert_frame_equal(seen[["rain", "tap"]], forced[["rain", "tap"]])
    assert (seen.loc[seen["wet"] == "yes", "rain"] == "yes").mean() > 0.4
    rain = network.sample(20_000, seed=4, do={"rain": "yes"})
    pd.testing.assert_series_equal(seen["tap"], rain["tap"])
    dry = network.sample(20_000, seed=4, do={"rain": "no", "tap": "off"})
    low, high = binom.interval(1 - 1e-5, 20_000, 0.1)
    assert low <= (dry["wet"] == "yes").sum() <= high
    with pytest.raises(ValueError, match="do must be one of rain, tap, wet; got 'sun'"):
        network.sample(1, seed=0, do={"sun": "yes"})
    with pytest.raises(ValueError, match=r"do\['rain'\] must be one of yes, no; got 'maybe'"):
        network.sample(1, seed=0, do={"rain": "maybe"})


@pytest.mark.parametrize("name", SIZES)
def test_standard_networks(real, name):
    real("standard-networks")
    network = datasets.load_network(name)
    assert (len(network.nodes), len(network.edges)) == SIZES[name]
    graph = nx.DiGraph(network.edges)
    assert nx.is_directed_acyclic_graph(graph)
    place = {node: k for k, node in enumerate(network.nodes)}
    assert all(place[cause] < place[effect] for cause, effect in network.edges)
    for table in network.tables.values():
        np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-12)
    if name in ("asia", "sachs", "alarm"):
        assert set(network.descriptions) == set(network.nodes)
        assert len(set(network.descriptions.values())) == len(network.nodes)


def test_asia_agrees_with_sums_by_hand(real):
    real("standard-networks")
    rows = datasets.load_network("asia").sample(50_000, seed=0)
    lung, tub = 0.5 * 0.1 + 0.5 * 0.01, 0.01 * 0.05 + 0.99 * 0.01
    either = 1 - (1 - lung) * (1 - tub)
    for node, chance in {"lung": lung, "tub": tub, "either": either}.items():
        low, high = binom.interval(1 - 1e-5, 50_000, chance)
        assert low <= (rows[node] == "yes").sum() <= high


def test_sachs(real):
    real("sachs")
    data, edges = datasets.load_sachs()
    assert data.shape == (7466, 11) and (data > 0).all(axis=None)
    assert len(set(edges)) == 18 and {v for edge in edges for v in edge} == set(data.columns)
    assert sorted(nx.find_cycle(nx.DiGraph(edges))) == [  # the card warns of it
        ("PIP2", "PIP3"),
        ("PIP3", "Plcg"),
        ("Plcg", "PIP2"),
    ]
    real("standard-networks")
    network = datasets.load_network("sachs")
    assert set(network.nodes) == set(data.columns)
    assert len(set(edges) & set(network.edges)) == 13


def test_an_unknown_network():
    with pytest.raises(ValueError, match="name must be one of asia, sachs, alarm, child"):
        datasets.load_network("cancer")
