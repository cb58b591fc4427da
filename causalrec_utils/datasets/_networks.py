"""Standard Bayesian networks with their conditional tables, and the Sachs protein data."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import _checks as check
from .. import assets
from ._network_words import DESCRIPTIONS
from ._schema import Column, SchemaError, conform

__all__ = ["Network", "Sachs", "load_network", "load_sachs"]

NETWORKS = ("asia", "sachs", "alarm", "child", "insurance")
_VARIABLE = re.compile(r"variable\s+(\S+)\s*\{\s*type\s+discrete\s*\[\s*\d+\s*\]\s*\{([^}]*)\}")
_PROBABILITY = re.compile(r"probability\s*\(([^)]*)\)\s*\{([^}]*)\}")
_ROW = re.compile(r"(?:\(([^)]*)\)|table)([^;]*);")
PROTEINS = {
    "praf": "Raf",
    "pmek": "Mek",
    "plcg": "Plcg",
    "PIP2": "PIP2",
    "PIP3": "PIP3",
    "p44/42": "Erk",
    "pakts473": "Akt",
    "PKA": "PKA",
    "PKC": "PKC",
    "P38": "P38",
    "pjnk": "Jnk",
}


@dataclass(frozen=True)
class Network:
    """A discrete Bayesian network, as `load_network` returns it.

    Attributes
    ----------
    name : str
    nodes : tuple of str
        Causes before effects.
    edges : list of (str, str)
        Cause and effect.
    states : dict
        The values of each node.
    tables : dict
        For each node a DataFrame of probabilities: one row for each combination of its parents'
        values (the parents' names are those of the index levels; one row, with index 0, if it has
        none), one column for each value.
    descriptions : dict
        A few English words on each node, for people and language models; empty for the networks
        that have none.
    """

    name: str
    nodes: tuple[str, ...]
    edges: list[tuple[str, str]]
    states: dict[str, tuple[str, ...]]
    tables: dict[str, pd.DataFrame]
    descriptions: dict[str, str]

    def parents(self, node: str) -> list[str]:
        """Direct causes, in the order of the table's index."""
        return [name for name in self.tables[node].index.names if name is not None]

    def sample(
        self, n: int, *, seed: int | np.random.Generator, do: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """Draw rows, in the world as it is or under an intervention.

        Parameters
        ----------
        n : int
            Number of rows.
        seed : int or numpy.random.Generator
            Same seed, same rows.
        do : mapping, optional
            Nodes that are set to a value, whatever their causes say.

        Returns
        -------
        pandas.DataFrame
            One column a node, in the order of ``nodes``; categories.

        Raises
        ------
        ValueError
            If ``do`` names no node, or no value of it.

        Examples
        --------
        >>> from causalrec_utils import assets, datasets
        >>> if assets.is_available("standard-networks"):
        ...     asia = datasets.load_network("asia")
        ...     forced = asia.sample(100, seed=1, do={"smoke": "yes"})
        ...     assert set(forced["smoke"]) == {"yes"}
        """
        rng = np.random.default_rng(seed)
        fixed = dict(do or {})
        for node, value in fixed.items():
            check.choice(node, "do", self.nodes)
            check.choice(value, f"do[{node!r}]", self.states[node])
        codes: dict[str, np.ndarray] = {}
        for node in self.nodes:
            draw = rng.random(n)  # drawn for fixed nodes too: the other nodes keep their luck
            if node in fixed:
                codes[node] = np.full(n, self.states[node].index(fixed[node]))
                continue
            row = np.zeros(n, dtype=int)
            for parent in self.parents(node):
                row = row * len(self.states[parent]) + codes[parent]
            upper = self.tables[node].to_numpy().cumsum(axis=1)[row, :-1]
            codes[node] = (draw[:, None] >= upper).sum(axis=1)
        columns = {
            node: pd.Categorical.from_codes(codes[node], categories=list(self.states[node]))
            for node in self.nodes
        }
        return pd.DataFrame(columns)


class Sachs(NamedTuple):
    """What `load_sachs` returns; see there."""

    data: pd.DataFrame
    edges: list[tuple[str, str]]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _table(
    node: str, parents: list[str], body: str, states: Mapping[str, tuple[str, ...]]
) -> pd.DataFrame:
    rows = {}
    for condition, numbers in _ROW.findall(body):
        rows[tuple(_words(condition)) if parents else ()] = [float(x) for x in _words(numbers)]
    wanted = list(product(*(states[parent] for parent in parents)))
    if set(rows) != set(wanted) or any(len(row) != len(states[node]) for row in rows.values()):
        raise ValueError(f"the table of {node!r} has other rows or columns than its values say")
    table = np.array([rows[key] for key in wanted])
    total = table.sum(axis=1)
    if (table < 0).any() or (np.abs(total - 1) > 1e-3).any():
        raise ValueError(f"the table of {node!r} has rows that are no probabilities")
    columns = pd.Index(states[node], name=node)
    index: pd.Index = pd.RangeIndex(1)
    if len(parents) == 1:
        index = pd.Index(states[parents[0]], name=parents[0])
    elif parents:
        index = pd.MultiIndex.from_tuples(wanted, names=parents)
    return pd.DataFrame(table / total[:, None], index=index, columns=columns)


def _in_order(parents: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Nodes with causes first."""
    order: list[str] = []
    while len(order) < len(parents):
        ready = [v for v in parents if v not in order and set(parents[v]) <= set(order)]
        if not ready:
            raise ValueError("the edges have a cycle")
        order += ready
    return tuple(order)


def parse_bif(text: str, name: str) -> Network:
    """A network from the text of a BIF file (discrete nodes only)."""
    states = {node: tuple(_words(values)) for node, values in _VARIABLE.findall(text)}
    parents, tables = {}, {}
    for head, body in _PROBABILITY.findall(text):
        node, _, given = (part.strip() for part in head.partition("|"))
        parents[node] = _words(given) if given else []
        if not {node, *parents[node]} <= set(states):
            raise ValueError(f"{node!r} or a parent of it is not declared")
        tables[node] = _table(node, parents[node], body, states)
    if not states or set(tables) != set(states):
        raise ValueError("each variable must have one table")
    nodes = _in_order(parents)
    edges = [(parent, node) for node in nodes for parent in parents[node]]
    return Network(name, nodes, edges, states, tables, dict(DESCRIPTIONS.get(name, {})))


def load_network(name: str = "asia") -> Network:
    """A standard network: true graph, true tables, and samples of any size.

    Introduced in section 2.2.

    Parameters
    ----------
    name : {"asia", "sachs", "alarm", "child", "insurance"}
        8, 11, 37, 20 and 27 nodes; 8, 17, 46, 25 and 52 edges. The first three have
        ``descriptions``.

    Returns
    -------
    Network

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the file can't be had.
    ValueError
        If there is no such network, or the file is not what it should be.

    Notes
    -----
    Rows of tables that sum to 1 only nearly, as rounded numbers do, are divided by their sum.

    Source: Lauritzen and Spiegelhalter (1988), Journal of the Royal Statistical Society B 50(2)
    (asia); Sachs, Perez, Pe'er, Lauffenburger and Nolan (2005), Science 308 (sachs); Beinlich,
    Suermondt, Chavez and Cooper (1989), AIME 89 (alarm); Spiegelhalter and Cowell (1992), Bayesian
    Statistics 4 (child); Binder, Koller, Russell and Kanazawa (1997), Machine Learning 29
    (insurance). The files are those of the bnlearn repository.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("standard-networks"):
    ...     asia = datasets.load_network("asia")
    ...     assert ("smoke", "lung") in asia.edges
    ...     assert asia.tables["lung"].loc["yes", "yes"] == 0.1
    """
    check.choice(name, "name", NETWORKS)
    path = assets.fetch("standard-networks", f"{name}.bif.gz")
    try:
        return parse_bif(gzip.decompress(path.read_bytes()).decode(), name)
    except (OSError, EOFError, ValueError) as error:
        raise SchemaError(f"{path}: not a network: {error}") from error


def _edges(path: Path) -> list[tuple[str, str]]:
    protein = Column("category", values=tuple(PROTEINS))
    table = conform(pd.read_csv(path), {"Cause": protein, "Effect": protein}, source=path, rows=18)
    return [(PROTEINS[row.Cause], PROTEINS[row.Effect]) for row in table.itertuples()]


def load_sachs() -> Sachs:
    """Eleven proteins measured in 7,466 single cells, and a graph of how they act on each other.

    Introduced in section 2.2.

    Returns
    -------
    Sachs
        ``data``: one row a cell, one column a protein (``Raf``, ``Mek``, ``Plcg``, ``PIP2``,
        ``PIP3``, ``Erk``, ``Akt``, ``PKA``, ``PKC``, ``P38``, ``Jnk``: the names of
        ``load_network("sachs")``), positive fluorescence; take logarithms. ``edges``: 18 pairs of
        cause and effect.

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    Cells of several experiments, some with interventions, stand together without a mark.

    Source: Sachs, Perez, Pe'er, Lauffenburger and Nolan (2005), "Causal Protein-Signaling Networks
    Derived from Multiparameter Single-Cell Data", Science 308(5721).

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("sachs"):
    ...     data, edges = datasets.load_sachs()
    ...     assert ("Raf", "Mek") in edges
    """
    path = assets.fetch("sachs", "cyto_full_data.csv")
    raw = pd.read_csv(path).rename(columns=PROTEINS)
    columns = {name: Column("float", 0, open_low=True) for name in PROTEINS.values()}
    data = conform(raw, columns, source=path, rows=7466)
    return Sachs(data, _edges(assets.fetch("sachs", "cyto_full_target.csv")))
