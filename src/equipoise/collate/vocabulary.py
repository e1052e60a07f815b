"""What of texts a tokenizer does not hold, so that a model can neither see it nor write it."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import pc
from equipoise.collate.ragged import Ragged
from equipoise.collate.tokenizer import Tokenizer
from equipoise.collate.tokens import BATCH, encode_inputs

_MOST_CHARACTERS = 1000  # that are looked at in an example
_AROUND = 30  # characters that are shown before and after


def has_unknown(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Return for every row whether it has a token that stands for what the vocabulary does not hold, shape (rows,)."""
    unknown = tokenizer.unk_token_id
    # Some vocabularies hold every byte, and name a token that has another meaning.
    if unknown is None or unknown in (tokenizer.eos_token_id, tokenizer.pad_token_id):
        return np.zeros(len(tokens), np.bool_)
    return tokens.holding(unknown)


def is_lossy(tokens: Ragged, asked: NDArray[np.bool_], texts: pa.Array, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Return which texts are another text once they are decoded, aside from spaces at the ends.

    Parameters
    ----------
    tokens : Ragged
        The tokens of each text.
    asked : ndarray of bool, shape (texts,)
        The texts to decode; the others are not looked at.
    texts : pyarrow string array
        The texts.
    tokenizer : Tokenizer
        The tokenizer that made the tokens.

    Returns
    -------
    ndarray of bool, shape (texts,)
    """
    lossy = np.zeros(len(tokens), np.bool_)
    checked = np.flatnonzero(asked)
    for first in range(0, len(checked), BATCH):
        part = checked[first : first + BATCH]
        decoded = [decode(tokens[row], tokenizer) for row in part]
        given = texts.take(pa.array(part))
        same = pc.equal(pc.utf8_trim_whitespace(given), pc.utf8_trim_whitespace(pa.array(decoded, given.type)))
        lossy[part] = ~same.to_numpy(zero_copy_only=False)
    return lossy


def decode(tokens: NDArray[np.int32], tokenizer: Tokenizer) -> str:
    """Decode tokens as `LabelScorer.generate` decodes what a model wrote."""
    return tokenizer.decode(tokens, skip_special_tokens=True)


def unknown_character(text: str, tokenizer: Tokenizer) -> str:
    """Return the first unknown character of a text and what is around it, for a message."""
    characters = list(dict.fromkeys(text[:_MOST_CHARACTERS]))
    unknown = np.flatnonzero(has_unknown(encode_inputs(tokenizer, characters), tokenizer))
    if not len(unknown):
        return repr(text[: 2 * _AROUND])
    place = text.index(characters[unknown[0]])
    return f"{text[place]!r} in {text[max(0, place - _AROUND) : place + _AROUND]!r}"
