"""Tokenise strings in batches: inputs as the tokenizer writes them, targets with the token that ends them."""

from collections.abc import Sequence

import pyarrow as pa

from equipoise.collate.open_inputs import has_template, is_open, target_end
from equipoise.collate.ragged import Ragged
from equipoise.collate.tokenizer import Tokenizer

BATCH = 8192


def encode_inputs(tokenizer: Tokenizer, texts: Sequence[str] | pa.Array) -> Ragged:
    """Tokenise inputs, uncut, with the tokenizer's own special tokens; a chat template has written them already.

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
    return _encode(tokenizer, texts, "text", special=not has_template(tokenizer))


def encode_targets(tokenizer: Tokenizer, texts: Sequence[str] | pa.Array) -> Ragged:
    """Tokenise targets, uncut; every row ends with `target_end`, if the tokenizer has one.

    Targets that continue an input have no other special token. They are tokenised by themselves, so no token spans
    the end of the input.

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
    rows, end = _encode(tokenizer, texts, "text_target", special=not is_open(tokenizer)), target_end(tokenizer)
    start = getattr(tokenizer, "cls_token_id", None)
    if start is not None and getattr(tokenizer, "bos_token_id", None) is None:
        rows = rows.without_first(start)
    if end is None or (ended := rows.end_with(end)).all():
        return rows
    return Ragged.from_lists([[*rows[i], *([] if ended[i] else [end])] for i in range(len(rows))])


def _encode(tokenizer: Tokenizer, texts: Sequence[str] | pa.Array, argument: str, *, special: bool) -> Ragged:
    parts: list[Ragged] = []
    for first in range(0, len(texts), BATCH):
        batch = texts[first : first + BATCH]
        words: list[str] = list(batch) if isinstance(batch, Sequence) else batch.to_pylist()
        # Not verbose: lengths are checked by the caller, against its own limits.
        options = {argument: words, "add_special_tokens": special}
        ids = tokenizer(**options, return_attention_mask=False, verbose=False)["input_ids"]
        parts.append(Ragged.from_lists(ids))
    return Ragged.concatenate(parts)
