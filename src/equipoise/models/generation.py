"""Generate texts, freely or only those of a closed set."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from equipoise.collate import Tokenizer
from equipoise.models.batches import Tokens, distinct_rows, length_batches, pad_rows
from equipoise.models.modes import evaluating


def generate_texts(
    model: Any,
    tokenizer: Tokenizer,
    inputs: Sequence[Tokens],
    *,
    max_new_tokens: int,
    beams: int,
    batch_tokens: int,
) -> list[str]:
    """Generate a text for every input.

    Parameters
    ----------
    model : transformers model
        Anything with `generate`.
    tokenizer : Tokenizer
        The tokenizer of the model.
    inputs : sequence of token id sequences
        Tokenised inputs.
    max_new_tokens : int
        The most tokens of a text.
    beams : int
        The width of the beam search; 1 is greedy.
    batch_tokens : int
        The most padded tokens that the encoder sees at once.

    Returns
    -------
    list of str
        Without special tokens.
    """
    tokens = _generate(model, tokenizer, inputs, batch_tokens, max_new_tokens=max_new_tokens, num_beams=beams)
    return [tokenizer.decode(ids, skip_special_tokens=True) for ids in tokens]


def generate_labels(
    model: Any,
    tokenizer: Tokenizer,
    inputs: Sequence[Tokens],
    targets: Sequence[Sequence[int]],
    *,
    beams: int,
    batch_tokens: int,
) -> NDArray[np.int64]:
    """Generate one of the given targets for every input.

    Parameters
    ----------
    model : transformers model
        Anything with `generate`.
    tokenizer : Tokenizer
        The tokenizer of the model.
    inputs : sequence of token id sequences
        Tokenised inputs.
    targets : sequence of token id sequences
        The allowed outputs, distinct, each with its end of sequence.
    beams : int
        The width of the beam search; 1 is greedy.
    batch_tokens : int
        The most padded tokens that the encoder sees at once.

    Returns
    -------
    int64 array of shape (inputs,)
        Positions in `targets`.
    """
    label_of = {tuple(target): label for label, target in enumerate(targets)}
    tokens = _generate(
        model,
        tokenizer,
        inputs,
        batch_tokens,
        max_new_tokens=max(map(len, targets)),
        num_beams=beams,
        min_length=0,  # what a pre-trained model's generation settings say is meant for other texts
        no_repeat_ngram_size=0,
        prefix_allowed_tokens_fn=_allowed_tokens(targets, tokenizer.pad_token_id or 0),
    )
    longest = max(map(len, targets))
    found = [_label_at_start(ids[:longest], label_of) for ids in tokens]
    return np.array(found, np.int64)


def _generate(
    model: Any, tokenizer: Tokenizer, inputs: Sequence[Tokens], batch_tokens: int, **options: Any
) -> list[list[int]]:
    distinct, inverse = distinct_rows(inputs)
    generated: list[list[int]] = [[] for _ in distinct]
    with evaluating(model):
        for batch in length_batches([len(ids) for ids in distinct], batch_tokens):
            input_ids, mask = pad_rows([distinct[row] for row in batch], tokenizer.pad_token_id or 0, model.device)
            tokens: Tensor = model.generate(input_ids=input_ids, attention_mask=mask, do_sample=False, **options)
            # The first token is the decoder's start token.
            for row, ids in zip(batch, tokens[:, 1:].tolist(), strict=True):
                generated[row] = ids
    return [generated[row] for row in inverse]


def _allowed_tokens(targets: Sequence[Sequence[int]], pad_id: int) -> Callable[[int, Tensor], list[int]]:
    """Map what was generated so far to the tokens that may follow; padding alone follows a whole target."""
    following: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for target in targets:
        for position, token in enumerate(target):
            following[tuple(target[:position])].add(token)
    allowed = {prefix: sorted(tokens) for prefix, tokens in following.items()}

    def allow(_: int, generated: Tensor) -> list[int]:
        return allowed.get(tuple(generated[1:].tolist()), [pad_id])

    return allow


def _label_at_start(tokens: Sequence[int], label_of: dict[tuple[int, ...], int]) -> int:
    return next(
        label_of[start]
        for start in (tuple(tokens[:length]) for length in range(1, len(tokens) + 1))
        if start in label_of
    )
