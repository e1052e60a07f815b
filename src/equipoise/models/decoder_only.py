"""Decoder-only models of transformers behind `TextModel`: a target continues the tokens of its input."""

import copy
import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from equipoise.collate.collator import pad_rows
from equipoise.errors import DataError, RunError
from equipoise.models.batches import Tokens, evaluating
from equipoise.models.passes import (
    LogitsAt,
    find_best_labels,
    most_prefixes,
    output_at,
    output_layer,
    score_labels,
    sums_of_labels,
)
from equipoise.models.prefixes import PrefixTree, TreeBatch
from equipoise.models.search import SearchTree

# Layers of a cache that hold the keys and values of each row and nothing else, so that rows can be copied.
_COPIED: Final = frozenset({"DynamicLayer", "DynamicSlidingWindowLayer"})
_MOST_COPIED: Final = {
    "cpu": 2**26,
    "else": 2**30,
}  # numbers of keys and values that are copied at once: 256 MiB, 4 GiB


class DecoderOnly:
    """A Hugging Face causal language model; see `TextModel` for the methods.

    Inputs are padded on the left, so that the targets of all rows begin at the same position and what is behind them
    disturbs nothing. A decoder row of a tree begins with the last token of the input.

    Parameters
    ----------
    model : torch.nn.Module
        The model, not wrapped; a `PeftModel` of one is no wrapper.
    wrapped : torch.nn.Module, optional
        What forward passes with gradient call instead: the same model wrapped, for example by DDP.
    """

    def __init__(self, model: nn.Module, wrapped: nn.Module | None = None) -> None:
        self._model: Any = model
        self._called: Any = model if wrapped is None else wrapped
        base: Any = getattr(model, "get_base_model", None)
        self._base: Any = base() if callable(base) else model
        self._known = inspect.signature(self._base.forward).parameters

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._base.device

    def prefix_tree(self, targets: Sequence[Sequence[int]]) -> PrefixTree:
        """Build the tree of some targets; its first position stands for the last token of whatever the input is."""
        shifted = np.zeros((len(targets), max(map(len, targets))), np.int64)
        for row, target in zip(shifted, targets, strict=True):
            row[1 : len(target)] = target[:-1]
        return PrefixTree.build(targets, shifted)

    def target_logits(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of the targets, which follow their inputs in the same row."""
        labels = batch["labels"]
        ids, mask = _on_the_left(batch["input_ids"], batch["attention_mask"])
        return self._continued(ids, mask, labels[:, :-1].clamp(min=0))

    def label_scores(self, input_ids: Tensor, attention_mask: Tensor, trees: Sequence[PrefixTree]) -> Tensor:
        """Score every label of each row's own task, with gradient.

        Each input is computed once, and its keys and values are copied for each of its decoder rows. That takes two
        forward passes, the second on what the first leaves, so gradients are those of one. Gradient checkpointing
        leaves no keys and values, and sharded parameters (FSDP2) are freed between the passes: each decoder row then
        has its input before it.
        """
        if len(trees) != len(input_ids):
            raise DataError(
                "wrong-length",
                f"`trees` must hold the labels of each of {len(input_ids)} rows, found {len(trees)}. Give one per row.",
            )
        batch = TreeBatch.of(trees)
        given, row_of, wanted = (torch.from_numpy(each).to(input_ids.device) for each in batch[:3])
        ids, mask = _on_the_left(input_ids, attention_mask)
        if _checkpointing(self._base) or isinstance(self._called, FSDPModule):
            logits = self._continued(ids[row_of], mask[row_of], given[:, 1:])
        else:
            cache = self._cache(self._called, ids[:, :-1], mask[:, :-1])
            logits = self._after_cache(self._called, (ids, mask, cache), row_of, given, **self._kept(given.shape[1]))
            logits = logits[:, -given.shape[1] :]
        return sums_of_labels(logits.flatten(0, 1)[wanted], batch, input_ids.device)

    @torch.no_grad()
    def label_log_probs(
        self, rows: Sequence[Tokens], tree: PrefixTree, *, pad_id: int, most_logits: int | None = None
    ) -> NDArray[np.float64]:
        """Score every label of one task for every input, by slices of the tree; an input is computed once."""
        after, most = self._after(rows, pad_id, most_logits)
        return score_labels(after, len(rows), tree, most, self.device)

    @torch.no_grad()
    def best_labels(
        self,
        rows: Sequence[Tokens],
        tree: SearchTree,
        *,
        pad_id: int,
        length_norm: float = 0.0,
        most_logits: int | None = None,
    ) -> NDArray[np.int64]:
        """Search for the best label of every input; an input is computed once."""
        after, most = self._after(rows, pad_id, most_logits)
        return find_best_labels(after, len(rows), tree, most, self._base.device, length_norm)

    def generate(
        self,
        rows: Sequence[Tokens],
        *,
        pad_id: int,
        max_new_tokens: int,
        beams: int = 1,
        end_id: int | None = None,
        allowed: Callable[[tuple[int, ...]], list[int]] | None = None,
    ) -> list[list[int]]:
        """Generate a target for every input; the input, which comes first, is left out."""
        ids, mask = self._padded(rows, pad_id)
        width = ids.shape[1]
        options: dict[str, Any] = {}
        if allowed is not None:

            def allow(_: int, tokens: Tensor) -> list[int]:
                return allowed(tuple(tokens[width:].tolist()))

            options["prefix_allowed_tokens_fn"] = allow
        settings = {"do_sample": False, "max_new_tokens": max_new_tokens, "num_beams": beams}
        with _settings(self._base, **settings, pad_token_id=pad_id, eos_token_id=end_id):
            tokens: Tensor = self._base.generate(input_ids=ids, attention_mask=mask, **options)
        return tokens[:, width:].tolist()

    def _continued(self, ids: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        """Return the logits of what follows the inputs and each of these tokens, (rows, 1 + tokens, vocabulary)."""
        mask = torch.cat([mask, torch.ones_like(tokens)], dim=1)
        last = tokens.shape[1] + 1
        logits: Tensor = self._forward(
            self._called, torch.cat([ids, tokens], dim=1), mask, use_cache=False, **self._kept(last)
        ).logits
        return logits[:, -last:]

    def _after(self, rows: Sequence[Tokens], pad_id: int, most_logits: int | None) -> tuple[LogitsAt, int]:
        """Compute some inputs but for their last tokens; return what continues them, and with how many rows at once.

        The keys and values of an input are copied for each decoder row, so rows are bounded by their size as well.
        """
        layer = output_layer(self._base)
        ids, mask = self._padded(rows, pad_id)
        cache = self._cache(self._model, ids[:, :-1], mask[:, :-1])
        size = sum(each.keys[0].numel() + each.values[0].numel() for each in cache.layers)
        copies = _MOST_COPIED["cpu" if ids.device.type == "cpu" else "else"] // size
        most = max(1, min(most_prefixes(layer, ids.device, most_logits), copies))

        def logits_at(of: Tensor, given: Tensor, positions: Tensor) -> Tensor:
            with output_at(layer, positions):
                return self._after_cache(self._model, (ids, mask, cache), of, given)[0]

        return logits_at, most

    def _after_cache(
        self, called: Any, known: tuple[Tensor, Tensor, Any], of: Tensor, given: Tensor, **options: Any
    ) -> Tensor:
        """Return the logits of decoder rows, each behind one of the inputs whose cache is known."""
        ids, mask, cache = known
        given = torch.cat([ids[of, -1:], given[:, 1:]], dim=1)
        mask = torch.cat([mask[of, :-1], torch.ones_like(given)], dim=1)
        return self._forward(called, given, mask, past_key_values=_copied(cache, of), **options).logits

    def _cache(self, called: Any, ids: Tensor, mask: Tensor) -> Any:
        """Return the keys and values of the inputs, or refuse a model that has something else."""
        output = self._forward(called, ids, mask, use_cache=True, **self._kept(1))
        cache = getattr(output, "past_key_values", None)
        layers = {type(layer).__name__ for layer in getattr(cache, "layers", ())}
        if not layers or layers - _COPIED:
            found = f"layers of {', '.join(sorted(layers))}" if layers else "none"
            raise RunError(
                "no-prefix-cache",
                "`model` must keep keys and values of an input, from which each label is continued; found "
                f"{found} in {type(self._base).__name__}. Choose a decoder-only model of attention layers alone.",
            )
        return cache

    def _forward(self, called: Any, ids: Tensor, mask: Tensor, **options: Any) -> Any:
        """Call the model on the last tokens of those that the mask is of."""
        if "position_ids" in self._known:  # others count them from the mask, or have none
            options["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        return called(input_ids=ids, attention_mask=mask, **options)

    def _kept(self, last: int) -> dict[str, Any]:
        """Return what tells the model to compute logits of the last positions alone, if it can."""
        return {"logits_to_keep": last} if "logits_to_keep" in self._known else {}

    def _padded(self, rows: Sequence[Tokens], pad_id: int) -> tuple[Tensor, Tensor]:
        ids, mask = _on_the_left(*pad_rows(rows, pad_id))
        return ids.to(self.device), mask.to(self.device)


def is_causal(model: nn.Module) -> bool:
    """Return whether a model computes a token from those before it, the same with padding and continued from a cache.

    Raises
    ------
    RunError
        If it has no cache to continue from.
    """
    asked = DecoderOnly(model)
    tree = asked.prefix_tree([[3, 4, 5]])
    rows = [5, 6, 7], [7]
    with evaluating(model):
        together = asked.label_log_probs(rows, tree, pad_id=0)[:, 0]
        alone = [_log_prob(asked, row, [3, 4, 5]) for row in rows]
    return bool(np.allclose(together, alone, atol=1e-2))


def _log_prob(asked: DecoderOnly, row: Tokens, target: Sequence[int]) -> float:
    ids, labels = (torch.tensor([each], device=asked.device) for each in (row, target))
    logits = asked.target_logits({"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels})
    return logits.log_softmax(dim=-1).gather(-1, labels[..., None]).sum().item()


def _checkpointing(model: Any) -> bool:
    """Return whether a model computes activations again in the backward pass, so that it keeps no keys and values."""
    # transformers 5.0 has the one name, later versions the other.
    later = "is_activation_checkpointing"
    return model.training and getattr(model, later if hasattr(type(model), later) else "is_gradient_checkpointing")


def _on_the_left(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Move the padding of rows to the left; there are two columns at least, one before the last tokens.

    On any rank as many forward passes follow, whatever its inputs.
    """
    if ids.shape[1] == 1:
        ids, mask = (torch.cat([each, torch.zeros_like(each)], dim=1) for each in (ids, mask))
    place = (torch.arange(ids.shape[1], device=ids.device) + mask.sum(dim=1, keepdim=True)) % ids.shape[1]
    return ids.gather(1, place), mask.gather(1, place)


def _copied(cache: Any, of: Tensor) -> Any:
    """Return a cache of some rows, which grows by itself."""
    copied = copy.copy(cache)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    copied.batch_select_indices(of)
    return copied


@contextmanager
def _settings(model: Any, **settings: Any) -> Generator[None]:
    """Generate with these settings alone: those of a pretrained model are meant for other texts."""
    own = model.generation_config
    model.generation_config = type(own)(**settings)
    try:
        yield
    finally:
        model.generation_config = own
