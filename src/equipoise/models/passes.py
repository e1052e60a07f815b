"""Forward passes of any architecture that share what comes before the targets: slices of a tree, a search in it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from equipoise.errors import RunError
from equipoise.models.prefixes import PrefixTree, TreeBatch
from equipoise.models.search import SearchTree, best_first

LogitsAt = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From the input of each decoder row, what the decoder is given, both on its device, and positions in the flattened
rows to the logits there, shape (positions, vocabulary)."""


def most_prefixes(layer: Any, device: torch.device, most_logits: int | None) -> int:
    """Return how many positions have as many logits as may be held at once; see `LabelScorer`."""
    most = most_logits or (2**23 if device.type == "cpu" else 2**27)
    return max(1, most // len(layer.weight))


def output_layer(model: Any) -> Any:
    """Return the layer that makes logits, or refuse a model without one."""
    find: Any = getattr(model, "get_output_embeddings", None)
    layer = find() if callable(find) else None
    if not isinstance(layer, nn.Module):
        raise RunError(
            "no-output-layer",
            f"`model` must have an output layer, found none in {type(model).__name__}. "
            "Pass a model for conditional generation or a causal language model, not what is below its output layer.",
        )
    return layer


def sums_of_labels(logits: Tensor, trees: TreeBatch, device: torch.device) -> Tensor:
    """Return the score of every label, shape (rows, labels), from the logits at the wanted positions, with gradient."""
    prefix, token, lengths = (torch.from_numpy(each).to(device) for each in trees[3:])
    exact = logits if logits.dtype == torch.float64 else logits.float()
    log_probs = exact[prefix, token] - exact.logsumexp(dim=-1)[prefix]
    is_token = torch.arange(prefix.shape[-1], device=device) < lengths[..., None]
    sums = torch.where(is_token, log_probs, 0.0).sum(dim=-1)
    return torch.where(lengths > 0, sums, -torch.inf)


def score_labels(
    logits_at: LogitsAt, inputs: int, tree: PrefixTree, most: int, device: torch.device
) -> NDArray[np.float64]:
    """Score every label for some inputs, by slices of the tree of at most so many positions at once."""
    edges = np.empty((inputs, len(tree.edge_prefix)), np.float64)
    for piece in tree.slices(most):
        given, positions, prefix, token = (torch.from_numpy(each).to(device) for each in piece[1:])
        step = max(1, most // len(positions))
        for first in range(0, inputs, step):
            of = torch.arange(first, min(first + step, inputs), device=device)
            places = torch.arange(len(of), device=device)[:, None] * given.numel() + positions
            logits = logits_at(of.repeat_interleave(len(given)), given.repeat(len(of), 1), places.flatten())
            values = logits.view(len(of), len(positions), -1).float().log_softmax(dim=-1)[:, prefix, token]
            edges[first : first + len(of), piece.edges] = values.double().cpu().numpy()
    return tree.label_sums(edges)


def find_best_labels(
    logits_at: LogitsAt, inputs: int, tree: SearchTree, most: int, device: torch.device, length_norm: float
) -> NDArray[np.int64]:
    """Search for the best label of some inputs, with at most so many positions at once."""

    def expand(of_nodes: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float64]:
        ends = np.cumsum(tree.end[nodes] - tree.begin[nodes])
        found: list[NDArray[np.float64]] = []
        first, begin = 0, 0
        while first < len(nodes):
            stop = max(first + 1, int(np.searchsorted(ends, begin + most, side="right")))
            of = torch.from_numpy(of_nodes[first:stop]).to(device)
            given, positions, prefix, token = (
                torch.from_numpy(each).to(device) for each in tree.steps(nodes[first:stop])
            )
            values = logits_at(of, given, positions).float().log_softmax(dim=-1)[prefix, token]
            found.append(values.double().cpu().numpy())
            first, begin = stop, int(ends[stop - 1])
        return np.concatenate(found)

    # On a CPU a node costs the same alone; elsewhere a pass does.
    at_once = 8 if device.type == "cpu" else inputs
    return best_first(tree, inputs, expand, length_norm=length_norm, at_once=at_once)


def output_at(layer: nn.Module, wanted: Tensor) -> RemovableHandle:
    """Let the model's own forward compute logits at the wanted positions alone, shape (1, wanted, vocabulary).

    With a vocabulary of 32,000 the output layer costs more than the rest of a small model. The positions, counted in
    the flattened (row, position) order, are picked right before the layer and inside the model's forward, so whatever
    a model does around it (T5's scaling of tied embeddings, Bart's bias of the logits) stays as the model has it.
    """

    def pick(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden, *others = arguments
        return (hidden.flatten(0, 1).index_select(0, wanted)[None], *others)

    return layer.register_forward_pre_hook(pick)
