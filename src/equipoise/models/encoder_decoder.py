"""Encoder-decoder models of transformers behind `TextModel`: each input and each prefix is computed once."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from equipoise.collate.collator import pad_rows
from equipoise.errors import DataError, RunError
from equipoise.models.batches import Tokens
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
        batch = TreeBatch.of(trees)
        inputs, row_of, wanted = (torch.from_numpy(each).to(device) for each in batch[:3])
        with _encoded_once(self._encoder(), attention_mask, row_of), output_at(output_layer(self._model), wanted):
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
        return sums_of_labels(logits[0], batch, device)

    @torch.no_grad()
    def label_log_probs(
        self, rows: Sequence[Tokens], tree: PrefixTree, *, pad_id: int, most_logits: int | None = None
    ) -> NDArray[np.float64]:
        """Score every label of one task for every input, by slices of the tree; an input is encoded once."""
        device = self._model.device
        most = most_prefixes(output_layer(self._model), device, most_logits)
        return score_labels(self._after(rows, pad_id), len(rows), tree, most, device)

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
        device = self._model.device
        most = most_prefixes(output_layer(self._model), device, most_logits)
        return find_best_labels(self._after(rows, pad_id), len(rows), tree, most, device, length_norm)

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
        """Generate a target for every input; the decoder's start token, which comes first, is left out."""
        input_ids, mask = self._padded(rows, pad_id)
        options: dict[str, Any] = {} if end_id is None else {"eos_token_id": end_id}
        if allowed is not None:

            def allow(_: int, generated: Tensor) -> list[int]:
                return allowed(tuple(generated[1:].tolist()))

            options |= {
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

    def _after(self, rows: Sequence[Tokens], pad_id: int) -> LogitsAt:
        """Encode some inputs; return what runs the decoder on them."""
        layer = output_layer(self._model)
        input_ids, mask = self._padded(rows, pad_id)
        states: Tensor = self._encoder()(input_ids=input_ids, attention_mask=mask)[0]

        def logits_at(of: Tensor, given: Tensor, positions: Tensor) -> Tensor:
            with output_at(layer, positions):
                logits: Tensor = self._model(
                    encoder_outputs=(states[of],), attention_mask=mask[of], decoder_input_ids=given, use_cache=False
                ).logits
            return logits[0]

        return logits_at

    def _padded(self, rows: Sequence[Tokens], pad_id: int) -> tuple[Tensor, Tensor]:
        input_ids, mask = pad_rows(rows, pad_id)
        return input_ids.to(self._model.device), mask.to(self._model.device)

    def _encoder(self) -> nn.Module:
        find: Any = getattr(self._model, "get_encoder", None)
        part = find() if callable(find) else None
        if not isinstance(part, nn.Module):
            found = f"found none in {type(self._model).__name__}"
            advice = "Pass an encoder-decoder, or a causal language model."
            raise RunError("no-encoder", f"`model` must have an encoder, {found}. {advice}")
        return part


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
