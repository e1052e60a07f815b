"""Tokenise strings in batches, with the end-of-sequence tokens that encoder-decoder models expect."""

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa

from equipoise.collate.ragged import Ragged

BATCH = 8192


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used."""

    eos_token_id: int | None
    pad_token_id: int | None
    unk_token_id: int | None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Tokenise `text` or `text_target`."""

    def decode(self, *args: Any, **kwargs: Any) -> Any:
        """Decode token ids to a string."""


def encode_inputs(tokenizer: Tokenizer, texts: Sequence[str] | pa.Array) -> Ragged:
    """Tokenise inputs, uncut, with the tokenizer's own special tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
        A Hugging Face tokenizer.
    texts : sequence of str or pyarrow string array
        The rendered texts.

    Returns
    -------
    Ragged
        One row per text.
    """
    return _encode(tokenizer, texts, "text")


def encode_targets(tokenizer: Tokenizer, texts: Sequence[str] | pa.Array) -> Ragged:
    """Tokenise targets, uncut; every row ends with the end-of-sequence token, if the tokenizer has one.

    The token that BERT's tokenizers put first is left out: the decoder starts with it by itself.

    Parameters
    ----------
    tokenizer : Tokenizer
        A Hugging Face tokenizer.
    texts : sequence of str or pyarrow string array
        The targets.

    Returns
    -------
    Ragged
        One row per text.
    """
    rows, eos = _encode(tokenizer, texts, "text_target"), tokenizer.eos_token_id
    start = getattr(tokenizer, "cls_token_id", None)
    if start is not None and getattr(tokenizer, "bos_token_id", None) is None:
        rows = rows.without_first(start)
    if eos is None or (ended := rows.end_with(eos)).all():
        return rows
    return Ragged.from_lists([[*rows[i], *([] if ended[i] else [eos])] for i in range(len(rows))])


def _encode(tokenizer: Tokenizer, texts: Sequence[str] | pa.Array, argument: str) -> Ragged:
    parts: list[Ragged] = []
    for first in range(0, len(texts), BATCH):
        batch = texts[first : first + BATCH]
        words: list[str] = list(batch) if isinstance(batch, Sequence) else batch.to_pylist()
        # Not verbose: lengths are checked by the caller, against its own limits.
        ids = tokenizer(**{argument: words}, return_attention_mask=False, verbose=False)["input_ids"]
        parts.append(Ragged.from_lists(ids))
    return Ragged.concatenate(parts)
