"""The label of the highest likelihood, by best-first search: log-probabilities only fall along a label's tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.models.prefixes import IntArray, PrefixTree

FloatArray = NDArray[np.float64]
# Numbers that a search holds for each of its inputs, one for each node, and two arrays of them: 64 MiB.
_MOST_BOUNDS = 2**22


@dataclass(frozen=True, eq=False)
class SearchTree:
    """The prefix tree of some labels as a search walks it: chains of prefixes without a choice are one node.

    A node is a label, or a chain of prefixes; expanding it reads the log-probabilities of its steps: those along the
    chain, then one for each child. A chain without a choice at its end has one child, which is a label.

    Nodes are numbered by the first label below them, a node before those below it. Of two nodes that can be open at
    the same time neither is below the other, so that the lower number has the lower label: where bounds are equal,
    the first of them leads to the label that `argmax` finds.

    Attributes
    ----------
    decoder_inputs : ndarray of int64, shape (rows, positions)
        Those of the prefix tree.
    label_of : ndarray of int64, shape (nodes,)
        The label of each node; -1 where it is a chain.
    decoder_row, begin, end : ndarray of int64, shape (nodes,)
        The row of the decoder inputs of a chain, and its first position and the one behind its last.
    first_step, first_child : ndarray of int64, shape (nodes + 1,)
        Where the steps and the children of each node begin.
    step_position, step_token : ndarray of int64, shape (steps,)
        The position in the decoder row, and the token that follows it.
    child : ndarray of int64, shape (children,)
        The nodes that the last steps of a chain lead to, in their order.
    shortest, longest : ndarray of int64, shape (nodes,)
        The least and the largest number of tokens of the labels below.

    Examples
    --------
    Labels of the tokens 5 7 8, 5 6 1 and 5 6 2. The root is the chain of the start token and 5:

    >>> inputs = np.array([[0, 5, 7], [0, 5, 6], [0, 5, 6]])
    >>> tree = SearchTree.build(PrefixTree.build([[5, 7, 8], [5, 6, 1], [5, 6, 2]], inputs))
    >>> tree.label_of.tolist(), tree.begin.tolist(), tree.end.tolist()
    ([-1, -1, 0, -1, 1, 2], [0, 2, 0, 2, 0, 0], [2, 3, 0, 3, 0, 0])
    >>> [tree.child[slice(*tree.first_child[node : node + 2])].tolist() for node in (0, 1, 3)]
    [[3, 1], [2], [4, 5]]
    """

    decoder_inputs: IntArray
    label_of: IntArray
    decoder_row: IntArray
    begin: IntArray
    end: IntArray
    first_step: IntArray
    first_child: IntArray
    step_position: IntArray
    step_token: IntArray
    child: IntArray
    shortest: IntArray
    longest: IntArray

    @classmethod
    def build(cls, tree: PrefixTree) -> "SearchTree":
        """Join the prefixes without a choice; once for each task."""
        edges, lengths = len(tree.edge_prefix), tree.label_lengths
        label = np.repeat(np.arange(len(lengths)), lengths)
        is_last = np.zeros(len(label), np.bool_)
        is_last[np.cumsum(lengths) - 1] = True
        inner = np.flatnonzero(~is_last)
        below = np.full(edges, -1)  # the prefix that an edge leads to
        below[tree.label_edges[inner]] = tree.edge_prefix[tree.label_edges[inner + 1]]
        ends = np.full(edges, -1)  # the label that an edge ends
        ends[tree.label_edges[is_last]] = label[is_last]
        first, shortest = np.full(edges, len(lengths)), np.full(edges, lengths.max())
        longest = np.zeros(edges, np.int64)
        np.minimum.at(first, tree.label_edges, label)
        np.minimum.at(shortest, tree.label_edges, lengths[label])
        np.maximum.at(longest, tree.label_edges, lengths[label])
        starts = np.searchsorted(tree.edge_prefix, np.arange(tree.prefixes + 1))
        choices = np.diff(starts)

        root = int(tree.edge_prefix[tree.label_edges[0]])
        # Nodes: the root, each edge out of a prefix with a choice, and each label at the end of a chain.
        found: list[_Chain] = [_Chain(-1, root, 0, -1)]
        chains: list[tuple[IntArray, IntArray]] = []
        for chain in found:  # grows meanwhile
            prefix = chain.prefix
            steps = [] if prefix < 0 else [int(starts[prefix])]
            while prefix >= 0 and choices[prefix] == 1 and below[starts[prefix]] >= 0:
                prefix = int(below[starts[prefix]])
                steps.append(int(starts[prefix]))
            last = np.arange(starts[prefix], starts[prefix + 1]) if steps else np.empty(0, np.int64)
            chains.append((np.array(steps[:-1], np.int64), last))
            found += [_Chain(edge, int(below[edge]), chain.depth + 1, int(ends[edge])) for edge in last.tolist()]
        order = sorted(range(len(found)), key=lambda node: (first[found[node].edge] if node else 0, found[node].depth))
        number_of_edge = {found[old].edge: new for new, old in enumerate(order)}
        steps = [np.concatenate(chains[old]) for old in order]
        children = [chains[old][1] for old in order]
        all_steps = np.concatenate(steps)
        edge_of = np.array([found[old].edge for old in order])
        positions = tree.prefix_position[tree.edge_prefix]
        has_steps = np.array([len(each) > 0 for each in steps])
        heads = np.array([each[0] if len(each) else 0 for each in steps])
        tails = np.array([each[-1] if len(each) else 0 for each in steps])
        return cls(
            decoder_inputs=tree.decoder_inputs,
            label_of=np.array([found[old].label for old in order]),
            decoder_row=np.where(has_steps, tree.prefix_row[tree.edge_prefix[tails]], 0),
            begin=np.where(has_steps, positions[heads], 0),
            end=np.where(has_steps, positions[tails] + 1, 0),
            first_step=np.cumsum([0, *map(len, steps)]),
            first_child=np.cumsum([0, *map(len, children)]),
            step_position=positions[all_steps],
            step_token=tree.edge_token[all_steps],
            child=np.array([number_of_edge[edge] for edge in np.concatenate(children).tolist()]),
            shortest=np.where(edge_of < 0, lengths.min(), shortest[edge_of]),
            longest=np.where(edge_of < 0, lengths.max(), longest[edge_of]),
        )

    def steps(self, nodes: IntArray) -> "Steps":
        """Lay out the steps of some nodes for a forward pass, each node in a row of its own."""
        width = int(self.end[nodes].max())
        prefixes, counts = self.end[nodes] - self.begin[nodes], self.first_step[nodes + 1] - self.first_step[nodes]
        steps = ranges(self.first_step[nodes], counts)
        places = np.cumsum(prefixes) - prefixes - self.begin[nodes]
        return Steps(
            decoder_inputs=self.decoder_inputs[self.decoder_row[nodes], :width],
            positions=ranges(np.arange(len(nodes)) * width + self.begin[nodes], prefixes),
            prefix=np.repeat(places, counts) + self.step_position[steps],
            token=self.step_token[steps],
        )


class Steps(NamedTuple):
    """What a decoder is given for some nodes, and where the log-probabilities of their steps are read.

    Attributes
    ----------
    decoder_inputs : ndarray of int64, shape (nodes, width)
        What the decoder is given; what stands behind the end of a node is not read.
    positions : ndarray of int64, shape (prefixes,)
        The positions of all prefixes of the nodes in the flattened (node, position) order.
    prefix, token : ndarray of int64, shape (steps,)
        The number of each step's prefix among these, and the token that follows it.
    """

    decoder_inputs: IntArray
    positions: IntArray
    prefix: IntArray
    token: IntArray


class _Chain(NamedTuple):
    """A node while the tree is built: the edge into it, its first prefix or its label (else -1), and its depth."""

    edge: int
    prefix: int
    depth: int
    label: int


def best_first(
    tree: SearchTree,
    inputs: int,
    expand: Callable[[IntArray, IntArray], FloatArray],
    *,
    length_norm: float = 0.0,
    at_once: int = 1,
) -> IntArray:
    """Return for each input the label that the argmax over the scores of all labels would be, ties included.

    The log-probability of a prefix bounds those of all labels that begin with it. For each input the open node of the
    highest bound is expanded, until that node is a label.

    Parameters
    ----------
    tree : SearchTree
        The labels.
    inputs : int
        The number of inputs.
    expand : callable
        From the numbers of inputs and of nodes, one pair after another, to the log-probabilities of the steps of all
        these nodes, one node after another. The nodes come in the order of their `end`.
    length_norm : float
        As in `LabelScorer.log_probs`.
    at_once : int
        Where fewer inputs than this are still searched for, several nodes of each are expanded together. That may be
        more than are needed, but in fewer calls.

    Returns
    -------
    ndarray of int64, shape (inputs,)
        Numbers of labels.

    Examples
    --------
    >>> two = SearchTree.build(PrefixTree.build([[5, 1], [6, 1]], np.array([[0, 5], [0, 6]])))
    >>> def expand(inputs, nodes):
    ...     print(inputs, nodes)
    ...     return np.log([0.25, 0.75]) if nodes[0] == 0 else np.log([0.5])
    >>> best_first(two, 1, expand)
    [0] [0]
    [0] [3]
    array([1])
    """
    divisor = np.maximum(tree.shortest**length_norm, tree.longest**length_norm)
    answers = np.zeros(inputs, np.int64)
    step = max(1, _MOST_BOUNDS // len(divisor))
    for begin in range(0, inputs, step):
        count = min(step, inputs - begin)
        log_probs = np.full((count, len(divisor)), -np.inf)
        bounds = log_probs.copy()
        log_probs[:, 0] = bounds[:, 0] = 0.0
        searched = np.arange(count)
        while len(searched):
            best = bounds[searched].argmax(axis=1)
            done = (tree.label_of[best] >= 0) | (bounds[searched, best] == -np.inf)
            # Where all labels have the score -inf, the first is the answer.
            answers[begin + searched[done]] = np.maximum(tree.label_of[best[done]], 0)
            searched = searched[~done]
            rows, nodes = _pop(tree, bounds, searched, max(1, at_once // max(1, len(searched))))
            if len(rows):
                # Nodes of one depth together, which need little padding.
                order = np.argsort(tree.end[nodes], kind="stable")
                rows, nodes = rows[order], nodes[order]
                owner, child, values = _children(tree, nodes, expand(begin + rows, nodes))
                log_probs[rows[owner], child] = log_probs[rows, nodes][owner] + values
                bounds[rows[owner], child] = log_probs[rows[owner], child] / divisor[child]
    return answers


def _pop(tree: SearchTree, bounds: FloatArray, searched: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """Close the best open nodes of each input, as many as come before its best label but at most `most`."""

    def popped() -> Iterator[tuple[IntArray, IntArray]]:
        rows = searched
        for _ in range(most):
            best = bounds[rows].argmax(axis=1)
            is_open = (tree.label_of[best] < 0) & (bounds[rows, best] != -np.inf)
            rows, best = rows[is_open], best[is_open]
            if not len(rows):
                return
            bounds[rows, best] = -np.inf
            yield rows, best

    found = list(popped())
    if not found:
        return searched[:0], searched[:0]
    return np.concatenate([rows for rows, _ in found]), np.concatenate([nodes for _, nodes in found])


def _children(tree: SearchTree, nodes: IntArray, steps: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the children of some nodes, the place of the node of each, and its log-probability given that node."""
    counts = tree.first_child[nodes + 1] - tree.first_child[nodes]
    along = tree.first_step[nodes + 1] - tree.first_step[nodes] - counts
    owner = np.repeat(np.arange(len(nodes)), counts)
    child = tree.child[ranges(tree.first_child[nodes], counts)]
    starts = np.cumsum(along + counts) - along - counts
    values = steps[ranges(starts + along, counts)]
    chained = np.flatnonzero(along)
    sums = np.zeros(len(nodes))
    if len(chained):
        inner = steps[ranges(starts[chained], along[chained])]
        sums[chained] = np.add.reduceat(inner, np.cumsum(along[chained]) - along[chained])
    return owner, child, sums[owner] + values


def ranges(starts: IntArray, counts: IntArray) -> IntArray:
    """Return the integers from each start on, as many as its count, one range after another.

    Examples
    --------
    >>> ranges(np.array([7, 2]), np.array([2, 3])).tolist()
    [7, 8, 2, 3, 4]
    """
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)
