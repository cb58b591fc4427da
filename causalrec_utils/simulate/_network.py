"""Friends who pass on what they were shown: one user's treatment moves another's outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import _checks
from ._world import Seed, World, count, expose, exposure_logit, standardised

__all__ = ["interference"]

DESIGNS = ("individual", "cluster", "observational")


def interference(
    friends: pd.DataFrame | None = None,
    *,
    activity: pd.Series | None = None,
    n_users: int = 2000,
    design: str = "individual",
    direct: float = 0.5,
    spillover: float = 0.5,
    confounding: float = 0.7,
    seed: Seed,
) -> World:
    r"""Users on a friend graph; outcomes depend on one's own and on the friends' treatment.

    .. math::

        Y_i = \text{activity}_i + \text{direct}\,T_i + \text{spillover}\,
              \frac{1}{|F_i|} \sum_{j \in F_i} T_j + \epsilon_i

    (no spill-over for users without friends). Designs: a coin for each user; a coin for each
    community of friends (Louvain); or observational, P(T = 1) = expit(c activity + √(1 − c²) v).

    Introduced in section 4.2.

    Parameters
    ----------
    friends : DataFrame, optional
        Columns user and friend; a link counts both ways, and once. By default communities of 20
        users, each user with three links inside and one to anybody.
    activity : Series, optional
        A number for each user, indexed by user, which will be standardised: every user that counts,
        friends or none. By default standard normal for the users in ``friends``.
    n_users : int
        Users of the default graph.
    design : {"individual", "cluster", "observational"}
        Who is treated.
    direct, spillover : float
        Effect of one's own treatment, and of that of all friends.
    confounding : float
        c in [0, 1], in the observational design.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``data``: user, activity, n_friends, community (cluster design only), shown,
        friends_shown (share), satisfaction. ``truth``: ``direct``, ``spillover``, and ``ate``: all
        treated against none. ``hidden``: ``y_none``, ``y_all``, ``propensity``.
        ``tables["friends"]``: the links.

    Raises
    ------
    ValueError
        If a user is his own friend, or a friend has no activity.

    Notes
    -----
    Source: Hudgens and Halloran, "Toward causal inference with interference", Journal of the
    American Statistical Association 103(482), 2008.

    Examples
    --------
    >>> world = interference(direct=0.5, spillover=0.4, seed=0)
    >>> m = world.data.groupby("shown")["satisfaction"].mean()
    >>> print(f"a test by user shows {m[1] - m[0]:.1f}, launching brings {world.ate:.1f}")
    a test by user shows 0.5, launching brings 0.9
    """
    _checks.choice(design, "design", DESIGNS)
    rng = np.random.default_rng(seed)
    if friends is None:
        friends = _communities(rng, count(n_users, "n_users", 21))
    _checks.columns(friends, ["user", "friend"])
    a, b = (_checks.no_missing(friends[c], c) for c in ("user", "friend"))
    _checks.refuse(a == b, b, "friend", "must be another user")
    users = pd.unique(np.concatenate([a, b])) if activity is None else activity.index.to_numpy()
    index = pd.Index(users)
    i, j = index.get_indexer(a), index.get_indexer(b)
    for rows, labels, name in ((i, a, "user"), (j, b, "friend")):
        _checks.refuse(rows < 0, labels, name, "must have an activity")
    n = len(users)
    links = np.unique(np.sort(np.column_stack([i, j]), axis=1), axis=0)
    level = rng.normal(size=n) if activity is None else _checks.numeric(activity, "activity")
    level = level if activity is None else standardised(level)
    data = pd.DataFrame({"user": users, "activity": level})
    both = np.vstack([links, links[:, ::-1]])
    data["n_friends"] = np.bincount(both[:, 0], minlength=n)
    if design == "cluster":
        data["community"] = _louvain(links, n, int(rng.integers(2**31)))
        coins = rng.integers(2, size=data["community"].max() + 1)
        shown, propensity = coins[data["community"]], np.full(n, 0.5)
    else:
        chosen = design == "observational"
        logit = exposure_logit(level, rng.normal(size=n), confounding, 1.0 if chosen else np.inf)
        propensity, shown = expose(rng, logit)
    alone = data["n_friends"].to_numpy() == 0
    treated = np.bincount(both[:, 0], shown[both[:, 1]], n)
    data["shown"], data["friends_shown"] = shown, treated / np.maximum(data["n_friends"], 1)
    y_none = level + rng.normal(size=n)
    y_all = y_none + direct + spillover * ~alone
    data["satisfaction"] = y_none + direct * shown + spillover * data["friends_shown"]
    hidden = pd.DataFrame({"y_none": y_none, "y_all": y_all, "propensity": propensity})
    truth = {
        "ate": direct + spillover * float(1 - alone.mean()),
        "direct": float(direct),
        "spillover": float(spillover),
    }
    tables = {"friends": pd.DataFrame({"user": users[links[:, 0]], "friend": users[links[:, 1]]})}
    return World(data, "shown", "satisfaction", ("activity",), truth, hidden, tables)


def _communities(rng: np.random.Generator, n: int) -> pd.DataFrame:
    user = np.repeat(np.arange(n), 3)
    inside = np.minimum(user // 20 * 20 + rng.integers(20, size=3 * n), n - 1)
    source, target = np.append(user, np.arange(n)), np.append(inside, rng.integers(n, size=n))
    # A user drawn as his own friend takes the user before him instead.
    target = np.where(target == source, (source - 1) % n, target)
    return pd.DataFrame({"user": source, "friend": target})


def _louvain(links: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Community of each user; a user without friends is one of his own."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(links.tolist())
    community = np.empty(n, int)
    for number, members in enumerate(nx.community.louvain_communities(graph, seed=seed)):
        community[list(members)] = number
    return community
