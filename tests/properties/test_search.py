"""Properties of the search for the best label that hold whatever the labels and their probabilities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from equipoise.models.prefixes import PrefixTree
from equipoise.models.search import SearchTree, best_first

END = 1
# Sums of these are exact, so equal scores are equal whatever the order of the sum.
VALUES = [0.0, 0.0, -0.25, -0.5, -1.0, -4.0, -np.inf]


class Table:
    """Log-probabilities of a token after a prefix, drawn once for each input; what was read is kept."""

    def __init__(self, seed: int, values: list[float]) -> None:
        self.rng, self.values = np.random.default_rng(seed), values
        self.known: dict[tuple[int, tuple[int, ...], int], float] = {}

    def of(self, row: int, prefix: tuple[int, ...], token: int) -> float:
        key = (row, prefix, token)
        return self.known.setdefault(key, self.values[self.rng.integers(len(self.values))])


def shifted(targets: list[list[int]]) -> np.ndarray:
    """Decoder inputs with the start token 0, padded with a token that no label has."""
    width = max(map(len, targets))
    return np.array([[0, *target[:-1], *[9] * (width - len(target))] for target in targets])


labels = st.lists(st.lists(st.integers(2, 4), max_size=5).map(lambda path: [*path, END]), min_size=1, unique_by=tuple)


@given(
    targets=labels,
    seed=st.integers(0, 2**32),
    values=st.lists(st.sampled_from(VALUES), min_size=1, max_size=4),
    rows=st.integers(0, 4),
    at_once=st.integers(1, 9),
    length_norm=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_answer_is_the_argmax_of_all_scores_and_no_node_is_expanded_in_vain(
    targets: list[list[int]], seed: int, values: list[float], rows: int, at_once: int, length_norm: float
) -> None:
    table = Table(seed, values)
    scores = np.array(
        [
            [sum(table.of(row, (0, *path[:t]), path[t]) for t in range(len(path))) for path in targets]
            for row in range(rows)
        ]
    ).reshape(rows, len(targets))
    scores /= np.array([len(path) for path in targets]) ** length_norm
    tree = SearchTree.build(PrefixTree.build(targets, shifted(targets)))
    expanded: list[tuple[int, int]] = []

    def expand(inputs: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        expanded.extend(zip(inputs.tolist(), nodes.tolist(), strict=True))
        steps = tree.steps(nodes)
        owner, last = np.divmod(steps.positions, steps.decoder_inputs.shape[1])
        prefixes = [tuple(steps.decoder_inputs[row, : end + 1].tolist()) for row, end in zip(owner, last, strict=True)]
        return np.array(
            [
                table.of(int(inputs[owner[prefix]]), prefixes[prefix], int(token))
                for prefix, token in zip(steps.prefix, steps.token, strict=True)
            ]
        )

    found = best_first(tree, rows, expand, length_norm=length_norm, at_once=at_once)
    assert found.tolist() == scores.argmax(axis=1).tolist()
    assert len(set(expanded)) == len(expanded)
    if at_once > 1 or length_norm:
        return
    for row, node in expanded:
        # The score of a node is what its first prefix has, the start token aside.
        prefix = tree.decoder_inputs[tree.decoder_row[node], : tree.begin[node] + 1].tolist()
        bound = sum(table.of(row, tuple(prefix[: t + 1]), prefix[t + 1]) for t in range(len(prefix) - 1))
        assert bound >= scores[row].max()


@given(targets=labels)
def test_a_node_comes_before_those_below_it_and_labels_that_tie_are_in_order(targets: list[list[int]]) -> None:
    tree = SearchTree.build(PrefixTree.build(targets, shifted(targets)))
    assert sorted(tree.label_of[tree.label_of >= 0].tolist()) == list(range(len(targets)))
    reached = [0]
    for node in reached:
        children = tree.child[tree.first_child[node] : tree.first_child[node + 1]].tolist()
        assert all(child > node for child in children)
        reached += children
    assert sorted(reached) == list(range(len(tree.label_of)))


def test_probabilities_that_are_not_numbers_end_the_search() -> None:
    targets = [[2, 3, END], [2, 4, END], [3, END]]
    tree = SearchTree.build(PrefixTree.build(targets, shifted(targets)))
    found = best_first(tree, 2, lambda _, nodes: np.full(len(tree.steps(nodes).token), np.nan))
    assert found.shape == (2,)


def test_a_long_label_that_gains_by_its_length_is_found() -> None:
    targets = [[2, END], [2, 3, 3, 3, END], [3, END]]
    known = {(0, 2): -4.0, (0, 3): -3.0}  # the start token, and the first of a label; what follows is certain
    tree = SearchTree.build(PrefixTree.build(targets, shifted(targets)))

    def expand(_: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        steps = tree.steps(nodes)
        given = steps.decoder_inputs.ravel()[steps.positions[steps.prefix]]
        return np.array([known.get((int(a), int(b)), 0.0) for a, b in zip(given, steps.token, strict=True)])

    answers = [best_first(tree, 1, expand, length_norm=norm).tolist() for norm in (0.0, 1.0)]
    assert answers == [[2], [1]]  # -3 is above -4, and -4 / 5 above -3 / 2 and -4 / 2
