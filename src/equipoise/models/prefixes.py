"""The distinct prefixes of a task's labels: what a decoder must compute for the likelihoods of all labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PrefixTree:
    """Labels as paths in a tree of decoder prefixes.

    log p(label | x) is the sum over its tokens of log p(token | x, prefix). Labels share prefixes, at
    least the start token, so each distinct prefix is computed once. A label whose prefixes are all
    owned by longer labels needs no decoder row.

    Attributes
    ----------
    decoder_inputs : ndarray of int64, shape (rows, positions)
        What the decoder is given, shortest rows first.
    prefix_row, prefix_position : ndarray of int64, shape (prefixes,)
        The row and the position that answer for each prefix, sorted; they are the last positions of the row.
    edge_prefix, edge_token : ndarray of int64
        The distinct (prefix, next token) pairs, sorted.
    label_edges : ndarray of int64
        The edges of all labels, one label after another.
    label_lengths : ndarray of int64
        The number of tokens of each label.

    Examples
    --------
    Two labels of two tokens share the start token (0); three prefixes are computed instead of four:

    >>> tree = PrefixTree.build([[5, 1], [6, 1]], np.array([[0, 5], [0, 6]]))
    >>> tree.prefixes, tree.edge_prefix.tolist(), tree.edge_token.tolist()
    (3, [0, 0, 1, 2], [5, 6, 1, 1])
    >>> tree.label_edges.tolist()
    [0, 2, 1, 3]
    """

    decoder_inputs: IntArray
    prefix_row: IntArray
    prefix_position: IntArray
    edge_prefix: IntArray
    edge_token: IntArray
    label_edges: IntArray
    label_lengths: IntArray

    @classmethod
    def build(cls, targets: Sequence[Sequence[int]], decoder_inputs: IntArray) -> "PrefixTree":
        """Find the distinct prefixes.

        Parameters
        ----------
        targets : sequence of token id sequences
            As for `TextModel.prefix_tree`.
        decoder_inputs : ndarray of int64, shape (labels, positions)
            The targets shifted right as the model does it; the padding behind a target is not read.

        Returns
        -------
        PrefixTree
            The labels in the same order.
        """
        paths = [tuple(target) for target in targets]
        inputs = [tuple(decoder_inputs[i, : len(path)].tolist()) for i, path in enumerate(paths)]

        # Longest first: what a long label owns, the labels it begins with need no row for.
        owners: dict[tuple[int, ...], tuple[int, int]] = {}
        for label in sorted(range(len(paths)), key=lambda i: -len(paths[i])):
            for position in range(len(paths[label])):
                owners.setdefault(inputs[label][: position + 1], (label, position))
        rows = sorted({label for label, _ in owners.values()}, key=lambda i: (len(paths[i]), i))
        place_of = {label: place for place, label in enumerate(rows)}
        owned = sorted((place_of[label], position, prefix) for prefix, (label, position) in owners.items())
        number_of = {prefix: number for number, (_, _, prefix) in enumerate(owned)}
        steps = [
            (number_of[inputs[i][: position + 1]], token)
            for i, path in enumerate(paths)
            for position, token in enumerate(path)
        ]
        edges = sorted(set(steps))
        edge_of = {edge: number for number, edge in enumerate(edges)}
        lengths = np.array([len(path) for path in paths], np.int64)
        return cls(
            decoder_inputs=decoder_inputs[rows],
            prefix_row=np.array([row for row, _, _ in owned], np.int64),
            prefix_position=np.array([position for _, position, _ in owned], np.int64),
            edge_prefix=np.array([prefix for prefix, _ in edges], np.int64),
            edge_token=np.array([token for _, token in edges], np.int64),
            label_edges=np.array([edge_of[step] for step in steps], np.int64),
            label_lengths=lengths,
        )

    @property
    def prefixes(self) -> int:
        """The number of distinct prefixes."""
        return len(self.prefix_row)

    @property
    def widths(self) -> IntArray:
        """The number of positions of each row that are not padding."""
        return self.prefix_position[np.cumsum(np.bincount(self.prefix_row)) - 1] + 1

    def slices(self, most_prefixes: int) -> Iterator["TreeSlice"]:
        """Cut the tree into consecutive decoder rows that together own at most `most_prefixes` prefixes.

        One row that owns more is a separate slice. The edges of the slices, one slice after another, are all edges.
        """
        ends = np.cumsum(np.bincount(self.prefix_row))
        first, begin = 0, 0
        while first < len(ends):
            stop = max(first + 1, int(np.searchsorted(ends, begin + most_prefixes, side="right")))
            end = int(ends[stop - 1])
            positions = self.prefix_position[begin:end]
            width = int(positions[-1]) + 1  # of the longest row, which is the last
            edges = slice(*np.searchsorted(self.edge_prefix, [begin, end]).tolist())
            yield TreeSlice(
                edges=edges,
                decoder_inputs=self.decoder_inputs[first:stop, :width],
                positions=(self.prefix_row[begin:end] - first) * width + positions,
                edge_prefix=self.edge_prefix[edges] - begin,
                edge_token=self.edge_token[edges],
            )
            first, begin = stop, end

    def label_sums(self, edge_values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum log-probabilities of edges, shape (examples, edges), to log-likelihoods of labels, (examples, labels)."""
        starts = np.cumsum(self.label_lengths) - self.label_lengths
        return np.add.reduceat(edge_values[:, self.label_edges], starts, axis=1)


class TreeSlice(NamedTuple):
    """Consecutive decoder rows with the prefixes that they own.

    Attributes
    ----------
    edges : slice
        The place of the slice's edges among all edges.
    decoder_inputs : ndarray of int64, shape (rows, width)
        What the decoder is given.
    positions : ndarray of int64
        The owned positions in the flattened (row, position) order; one for each prefix of the slice.
    edge_prefix, edge_token : ndarray of int64
        These edges, their prefixes numbered within the slice.
    """

    edges: slice
    decoder_inputs: IntArray
    positions: IntArray
    edge_prefix: IntArray
    edge_token: IntArray


class TreeBatch(NamedTuple):
    """The trees of a batch for one forward pass: what the decoder sees, and where the scores are read.

    Attributes
    ----------
    decoder_inputs : ndarray of int64, shape (decoder rows, positions)
        What the decoder is given.
    row_of : ndarray of int64, shape (decoder rows,)
        The row of the batch that each decoder row belongs to.
    wanted : ndarray of int64, shape (prefixes,)
        Positions in the flattened decoder rows.
    prefix, token : ndarray of int64, shape (rows, labels, tokens)
        Numbers of prefixes, and the tokens that follow them; 0 after a label's last token.
    lengths : ndarray of int64, shape (rows, labels)
        Tokens of each label; 0 beyond a row's labels.
    """

    decoder_inputs: IntArray
    row_of: IntArray
    wanted: IntArray
    prefix: IntArray
    token: IntArray
    lengths: IntArray

    @classmethod
    def of(cls, trees: Sequence[PrefixTree]) -> "TreeBatch":
        """Lay out the tree of each row, one below the other."""
        width = max(tree.decoder_inputs.shape[1] for tree in trees)
        shape = (len(trees), max(len(tree.label_lengths) for tree in trees), width)
        prefix, token, lengths = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape[:2], np.int64)
        decoder_inputs: list[IntArray] = []
        wanted: list[IntArray] = []
        decoder_rows = prefixes = 0
        for row, tree in enumerate(trees):
            decoder_inputs.append(np.pad(tree.decoder_inputs, ((0, 0), (0, width - tree.decoder_inputs.shape[1]))))
            wanted.append((decoder_rows + tree.prefix_row) * width + tree.prefix_position)
            label = np.repeat(np.arange(len(tree.label_lengths)), tree.label_lengths)
            position = np.concatenate([np.arange(length) for length in tree.label_lengths])
            prefix[row, label, position] = prefixes + tree.edge_prefix[tree.label_edges]
            token[row, label, position] = tree.edge_token[tree.label_edges]
            lengths[row, : len(tree.label_lengths)] = tree.label_lengths
            decoder_rows += len(tree.decoder_inputs)
            prefixes += tree.prefixes
        row_of = np.repeat(np.arange(len(trees)), [len(tree.decoder_inputs) for tree in trees])
        return cls(np.concatenate(decoder_inputs), row_of, np.concatenate(wanted), prefix, token, lengths)
