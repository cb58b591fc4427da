"""Policy trees: rules that a reader can check, learned from doubly robust scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _checks
from ._base import Policy, check_context

LEAF = -1


class PolicyTree(Policy):
    r"""A tree of yes-or-no questions about the context, with one action in each leaf.

    It seeks the largest :math:`\frac1n\sum_i \hat\Gamma_i(\pi(x_i))`, where
    :math:`\hat\Gamma_i(a) = \hat q(x_i, a) + \frac{1\{a_i = a\}}{e(a|x_i)}(r_i - \hat q(x_i, a))`
    is the doubly robust score of action a in row i. Introduced in section 5.1.2.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    features : sequence of str
        Names of the columns of the context, in order.
    max_depth : int
        Most questions on the way to a leaf, at least 1.
    min_rows : int
        Fewest training rows in a leaf, at least 1.
    epsilon : float
        Probability of any action instead, in [0, 1].
    seed : int
        Breaks ties between splits.

    Raises
    ------
    ValueError
        If an option is out of range, scores or context have the wrong shape or are not finite, or
        the policy is asked before it was fitted.

    Notes
    -----
    Athey and Wager (2021), "Policy learning with observational data", Econometrica, for the scores.
    The search is econml's ``PolicyTree``, which splits greedily: where only two questions together
    pay, it may find neither. Training scores flatter the tree: judge it on other rows, with
    `causalrec_utils.ope.evaluate`. `causalrec_utils.ope.outcome_model`, asked for a policy that
    always plays a, gives the cross-fitted :math:`\hat q(x_i, a)` of the scores.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(size=(400, 1))
    >>> scores = np.column_stack([np.full(400, 0.5), x[:, 0] > 0.3])
    >>> tree = PolicyTree(["old", "new"], features=["age"], max_depth=1).fit(x, scores)
    >>> print(tree.rules())
    age <= 0.304: play 'old' (26.2% of rows)
    age > 0.304: play 'new' (73.8% of rows)
    >>> print(*tree.act(2, context=np.array([[0.1], [0.9]])))
    old new
    """

    _options = ("features", "max_depth", "min_rows", "epsilon", "seed")

    def __init__(
        self,
        actions: Sequence[Any],
        *,
        features: Sequence[str],
        max_depth: int = 2,
        min_rows: int = 20,
        epsilon: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(actions)
        self.features = [str(name) for name in features]
        if not self.features:
            raise ValueError("features must name at least one column")
        for name, value in (("max_depth", max_depth), ("min_rows", min_rows)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon must be in [0, 1], got {epsilon}")
        self.max_depth, self.min_rows, self.epsilon = max_depth, min_rows, epsilon
        self.seed = seed
        # One node a row: feature asked about (LEAF: none), threshold, next node if at most the
        # threshold, next node if above, action, share of training rows.
        self.nodes: np.ndarray | None = None

    def fit(self, context: np.ndarray, scores: np.ndarray) -> PolicyTree:
        """Learn the tree.

        Parameters
        ----------
        context : array of shape (n, d)
        scores : array of shape (n, k)
            Of each action, in the order of ``actions``, in units of the reward.

        Returns
        -------
        PolicyTree
            Itself.
        """
        from econml.policy import PolicyTree as Search

        x = check_context(context, len(context), len(self.features))
        gamma = np.asarray(scores, float)
        if gamma.shape != (len(x), len(self.actions)):
            want = (len(x), len(self.actions))
            raise ValueError(f"scores must have shape {want}, got {gamma.shape}")
        if len(x) < self.min_rows:
            raise ValueError(f"min_rows is {self.min_rows}, but there are {len(x)} rows")
        for name, column in zip(self.actions, gamma.T, strict=True):
            _checks.numeric(column, f"score of {_checks.plain(name)!r}")
        found = Search(
            max_depth=self.max_depth,
            min_samples_split=2 * self.min_rows,
            min_samples_leaf=self.min_rows,
            min_balancedness_tol=0.5,
            honest=False,  # scores are cross-fitted already
            random_state=self.seed,
        ).fit(x, gamma)
        tree = found.tree_
        self.nodes = np.zeros((0, 6))
        self._grow(tree, 0, x, gamma, np.arange(len(x)))
        return self

    def _grow(
        self, tree: Any, node: int, x: np.ndarray, gamma: np.ndarray, rows: np.ndarray
    ) -> int:
        """Copy one node and those below it; a question whose answer changes nothing goes."""
        assert self.nodes is not None
        here = len(self.nodes)
        best = int(np.argmax(gamma[rows].sum(axis=0)))
        leaf = [LEAF, 0.0, LEAF, LEAF, best, len(rows) / len(x)]
        self.nodes = np.vstack([self.nodes, leaf])
        if tree.children_left[node] < 0:
            return here
        feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
        low = x[rows, feature] <= threshold
        left = self._grow(tree, tree.children_left[node], x, gamma, rows[low])
        right = self._grow(tree, tree.children_right[node], x, gamma, rows[~low])
        ends = self.nodes[[left, right]]
        if (ends[:, 0] == LEAF).all() and ends[0, 4] == ends[1, 4]:
            self.nodes = self.nodes[: here + 1]
        else:
            self.nodes[here, :4] = feature, threshold, left, right
        return here

    def _play(self, context: np.ndarray | None, n: int) -> np.ndarray:
        x = check_context(context, n, len(self.features))
        if self.nodes is None:
            raise ValueError("the tree is not fitted; call fit(context, scores) first")
        at = np.zeros(n, int)
        for _ in range(self.max_depth):
            node = self.nodes[at]
            inner = node[:, 0] != LEAF
            low = x[np.arange(n), node[:, 0].astype(int)] <= node[:, 1]
            at = np.where(inner, np.where(low, node[:, 2], node[:, 3]), at).astype(int)
        return self.nodes[at, 4].astype(int)

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        rows = self.rows_of(actions)
        own = self._play(context, len(rows)) == rows
        return self.epsilon / len(self.actions) + (1 - self.epsilon) * own

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        rows, anything = self._play(context, n), rng.integers(len(self.actions), size=n)
        return np.where(rng.random(n) < self.epsilon, anything, rows)

    def rules(self) -> str:
        """The tree as text, one line a leaf."""
        if self.nodes is None:
            raise ValueError("the tree is not fitted; call fit(context, scores) first")
        lines = []
        stack: list[tuple[int, list[str]]] = [(0, [])]
        while stack:
            at, asked = stack.pop()
            feature, threshold, left, right, action, share = self.nodes[at]
            if feature == LEAF:
                where = " and ".join(asked) or "always"
                label = _checks.plain(self.actions[int(action)])
                lines.append(f"{where}: play {label!r} ({share:.1%} of rows)")
                continue
            name = self.features[int(feature)]
            stack.append((int(right), [*asked, f"{name} > {threshold:.3g}"]))
            stack.append((int(left), [*asked, f"{name} <= {threshold:.3g}"]))
        return "\n".join(lines)

    def state(self) -> dict[str, Any]:
        nodes = None if self.nodes is None else self.nodes.tolist()
        return super().state() | {"nodes": nodes}

    @classmethod
    def _build(cls, parts: dict[str, Any]) -> PolicyTree:
        nodes = parts.pop("nodes")
        tree = super()._build(parts)
        if nodes is None:
            return tree
        table = np.asarray(nodes, float)
        if table.ndim != 2 or table.shape[1] != 6 or not np.isfinite(table).all():
            raise ValueError("nodes must be rows of 6 finite numbers")
        inner = table[:, 0] != LEAF
        later = (table[:, 2:4] > np.arange(len(table))[:, None]) & (table[:, 2:4] < len(table))
        known = (table[:, 4] >= 0) & (table[:, 4] < len(tree.actions))
        asked = (table[:, 0] >= LEAF) & (table[:, 0] < len(tree.features))
        if not (known.all() and asked.all() and later[inner].all()):
            raise ValueError("nodes must ask about known features and lead to later nodes")
        tree.nodes = table
        return tree
