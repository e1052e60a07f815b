"""Encoder-decoder models of transformers behind `TextModel`: each input and each prefix is computed once."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from equipoise.collate.collator import pad_rows
from equipoise.errors import DataError, RunError
from equipoise.models.batches import Tokens
from equipoise.models.prefixes import PrefixTree, TreeBatch, TreeSlice
from equipoise.models.search import SearchTree, Steps, best_first


class EncoderDecoder:
    """A Hugging Face encoder-decoder model for conditional generation; see `TextModel` for the methods.

    Parameters
    ----------
    model : torch.nn.Module
        The model, not wrapped.
    wrapped : torch.nn.Module, optional
        What forward passes with gradient call instead: the same model wrapped, for example by DDP.
    """

    def __init__(self, model: nn.Module, wrapped: nn.Module | None = None) -> None:
        self._model: Any = model
        self._called: Any = model if wrapped is None else wrapped

    def prefix_tree(self, targets: Sequence[Sequence[int]]) -> PrefixTree:
        """Build the tree of some targets, shifted right as the model does it."""
        width = max(map(len, targets))
        padded = [[*target, *[-100] * (width - len(target))] for target in targets]
        shifted: Tensor = self._model.prepare_decoder_input_ids_from_labels(torch.tensor(padded))
        return PrefixTree.build(targets, shifted.numpy())

    def target_logits(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of the targets. The model is called with what it knows: T5 ignores other keys silently."""
        shift = getattr(self._model, "prepare_decoder_input_ids_from_labels", None)
        # With labels the model would compute its own unweighted loss as well; a few models leave no choice.
        labels = batch["labels"]
        target = {"labels": labels} if shift is None else {"decoder_input_ids": shift(labels)}
        return self._called(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], **target).logits

    def label_scores(self, input_ids: Tensor, attention_mask: Tensor, trees: Sequence[PrefixTree]) -> Tensor:
        """Score every label of each row's own task, with gradient.

        Each input is encoded once; the decoder sees every (input, label) pair of the batch in one pass; the output
        layer runs once for each distinct prefix of a row's labels. Memory grows with rows times labels, so it is
        bounded by the size of a (micro-)batch.
        """
        if len(trees) != len(input_ids):
            raise DataError(
                "wrong-length",
                f"`trees` must hold the labels of each of {len(input_ids)} rows, found {len(trees)}. Give one per row.",
            )
        device = input_ids.device
        inputs, row_of, wanted, prefix, token, lengths = (
            torch.from_numpy(each).to(device) for each in TreeBatch.of(trees)
        )
        with _encoded_once(self._encoder(), attention_mask, row_of), _output_at(self._output_layer(), wanted):
            logits: Tensor = self._called(
                input_ids=input_ids,
                attention_mask=attention_mask.index_select(0, row_of),
                decoder_input_ids=inputs,
                use_cache=False,
            ).logits
        if logits.shape[:2] != (1, len(wanted)):
            raise RunError(
                "hooks-ignored",
                f"`model` must return logits at {len(wanted)} wanted positions, found the shape {tuple(logits.shape)}: "
                "it ignores hooks. Do not compile a model that is trained by label scores.",
            )
        exact = logits[0] if logits.dtype == torch.float64 else logits[0].float()
        log_probs = exact[prefix, token] - exact.logsumexp(dim=-1)[prefix]
        is_token = torch.arange(prefix.shape[-1], device=device) < lengths[..., None]
        sums = torch.where(is_token, log_probs, 0.0).sum(dim=-1)
        return torch.where(lengths > 0, sums, -torch.inf)

    @torch.no_grad()
    def label_log_probs(
        self, rows: Sequence[Tokens], tree: PrefixTree, *, pad_id: int, most_logits: int | None = None
    ) -> NDArray[np.float64]:
        """Score every label of one task for every input, by slices of the tree."""
        layer = self._output_layer()
        states, mask = self._encoded(rows, pad_id)
        most_prefixes = _most_prefixes(states, layer, most_logits)
        edges = np.empty((len(rows), len(tree.edge_prefix)), np.float64)
        for piece in tree.slices(most_prefixes):
            step = max(1, most_prefixes // len(piece.positions))
            for first in range(0, len(rows), step):
                part = slice(first, first + step)
                values = self._edge_log_probs(states[part], mask[part], piece, layer)
                edges[part, piece.edges] = values.double().cpu().numpy()
        return tree.label_sums(edges)

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
        """Search for the best label of every input; an input is encoded once."""
        layer = self._output_layer()
        states, mask = self._encoded(rows, pad_id)
        most_prefixes = _most_prefixes(states, layer, most_logits)

        def expand(inputs: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.float64]:
            ends = np.cumsum(tree.end[nodes] - tree.begin[nodes])
            found: list[NDArray[np.float64]] = []
            first, begin = 0, 0
            while first < len(nodes):
                stop = max(first + 1, int(np.searchsorted(ends, begin + most_prefixes, side="right")))
                of = torch.from_numpy(inputs[first:stop]).to(states.device)
                steps = tree.steps(nodes[first:stop])
                values = self._step_log_probs(states[of], mask[of], steps, layer)
                found.append(values.double().cpu().numpy())
                first, begin = stop, int(ends[stop - 1])
            return np.concatenate(found)

        # On a CPU a node costs the same alone; elsewhere a pass does.
        at_once = 8 if states.device.type == "cpu" else len(rows)
        return best_first(tree, len(rows), expand, length_norm=length_norm, at_once=at_once)

    def generate(
        self,
        rows: Sequence[Tokens],
        *,
        pad_id: int,
        max_new_tokens: int,
        beams: int = 1,
        allowed: Callable[[tuple[int, ...]], list[int]] | None = None,
    ) -> list[list[int]]:
        """Generate a target for every input; the decoder's start token, which comes first, is left out."""
        input_ids, mask = self._padded(rows, pad_id)
        options: dict[str, Any] = {}
        if allowed is not None:

            def allow(_: int, generated: Tensor) -> list[int]:
                return allowed(tuple(generated[1:].tolist()))

            options = {
                "prefix_allowed_tokens_fn": allow,
                # The generation settings of a pre-trained model are meant for other targets.
                "min_length": 0,
                "no_repeat_ngram_size": 0,
            }
        tokens: Tensor = self._model.generate(
            input_ids=input_ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=max_new_tokens,
            num_beams=beams,
            **options,
        )
        return tokens[:, 1:].tolist()

    def _edge_log_probs(self, states: Tensor, mask: Tensor, piece: TreeSlice, layer: nn.Module) -> Tensor:
        """Return log p(token | x, prefix) for every input and every edge of the slice."""
        given, positions, prefix, token = (torch.from_numpy(each).to(states.device) for each in piece[1:])
        inputs, rows = len(states), len(given)
        block = torch.arange(inputs, device=states.device)[:, None] * given.numel()
        states, mask = (each.repeat_interleave(rows, dim=0) for each in (states, mask))
        logits = self._logits_at(states, mask, given.repeat(inputs, 1), (block + positions).flatten(), layer)
        return logits.view(inputs, len(positions), -1).float().log_softmax(dim=-1)[:, prefix, token]

    def _step_log_probs(self, states: Tensor, mask: Tensor, steps: Steps, layer: nn.Module) -> Tensor:
        """Return log p(token | x, prefix) for the steps of one node of each input."""
        given, positions, prefix, token = (torch.from_numpy(each).to(states.device) for each in steps)
        logits = self._logits_at(states, mask, given, positions, layer)
        return logits.float().log_softmax(dim=-1)[prefix, token]

    def _logits_at(self, states: Tensor, mask: Tensor, given: Tensor, positions: Tensor, layer: nn.Module) -> Tensor:
        """Run the decoder on encoded inputs, and the output layer at some positions of the flattened rows."""
        with _output_at(layer, positions):
            logits: Tensor = self._model(
                encoder_outputs=(states,), attention_mask=mask, decoder_input_ids=given, use_cache=False
            ).logits
        return logits[0]

    def _encoded(self, rows: Sequence[Tokens], pad_id: int) -> tuple[Tensor, Tensor]:
        input_ids, mask = self._padded(rows, pad_id)
        return self._encoder()(input_ids=input_ids, attention_mask=mask)[0], mask

    def _padded(self, rows: Sequence[Tokens], pad_id: int) -> tuple[Tensor, Tensor]:
        input_ids, mask = pad_rows(rows, pad_id)
        return input_ids.to(self._model.device), mask.to(self._model.device)

    def _encoder(self) -> nn.Module:
        return self._part("get_encoder", "no-encoder", "an encoder", "Pass an encoder-decoder model.")

    def _output_layer(self) -> Any:
        advice = "Pass a model for conditional generation, not its bare encoder and decoder."
        return self._part("get_output_embeddings", "no-output-layer", "an output layer", advice)

    def _part(self, method: str, code: str, what: str, advice: str) -> nn.Module:
        find: Any = getattr(self._model, method, None)
        part = find() if callable(find) else None
        if not isinstance(part, nn.Module):
            raise RunError(code, f"`model` must have {what}, found none in {type(self._model).__name__}. {advice}")
        return part


def _most_prefixes(states: Tensor, layer: Any, most_logits: int | None) -> int:
    most = most_logits or (2**23 if states.device.type == "cpu" else 2**27)
    return max(1, most // len(layer.weight))


@contextmanager
def _encoded_once(encoder: nn.Module, attention_mask: Tensor, row_of: Tensor) -> Generator[None]:
    """Encode every input once, then pass the decoder as many copies of its states as it has rows for it.

    Inside, the model is called with the inputs, the decoder rows, and the attention mask of the decoder rows
    (`attention_mask[row_of]`). Encoder and decoder so run in one forward pass of the whole model: DDP sees only
    that one, and a separate pass of the encoder would leave its gradients out of step.
    """

    def mask_inputs(_: nn.Module, arguments: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return arguments, named | {"attention_mask": attention_mask}

    def repeat(_: nn.Module, __: Any, output: Any) -> Any:
        states = output[0].index_select(0, row_of)
        if isinstance(output, tuple):
            return (states, *output[1:])
        output["last_hidden_state"] = states
        return output

    with encoder.register_forward_pre_hook(mask_inputs, with_kwargs=True), encoder.register_forward_hook(repeat):
        yield


def _output_at(layer: nn.Module, wanted: Tensor) -> RemovableHandle:
    """Let the model's own forward compute logits at the wanted positions alone, shape (1, wanted, vocabulary).

    With a vocabulary of 32,000 the output layer costs more than the rest of a small model. The positions, counted in
    the flattened (row, position) order, are picked right before the layer and inside the model's forward, so whatever
    a model does around it (T5's scaling of tied embeddings, Bart's bias of the logits) stays as the model has it.
    """

    def pick(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden, *others = arguments
        return (hidden.flatten(0, 1).index_select(0, wanted)[None], *others)

    return layer.register_forward_pre_hook(pick)
