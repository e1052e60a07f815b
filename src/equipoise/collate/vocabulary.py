"""What of texts a tokenizer does not hold, so that a model can neither see it nor write it."""

import warnings

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import pc
from equipoise.collate.ragged import Ragged
from equipoise.collate.tokens import BATCH, Tokenizer, encode_inputs
from equipoise.errors import DataWarning

_MOST_CHARACTERS = 1000  # that are looked at in an example
_AROUND = 30  # characters that are shown before and after


def warn_of_unknown(
    what: str, tokens: Ragged, counts: NDArray[np.int64], texts: pa.Array, tokenizer: Tokenizer
) -> None:
    """Warn of texts with tokens that the vocabulary does not hold.

    Parameters
    ----------
    what : {"inputs", "targets"}
        What the texts are.
    tokens : Ragged
        The tokens of each text.
    counts : ndarray of int64, shape (texts,)
        The number of rows that have each text.
    texts : pyarrow string array
        The texts.
    tokenizer : Tokenizer
        The tokenizer that made the tokens.

    Warns
    -----
    DataWarning
        If there are any; the message has the number of rows and an example.
    """
    unknown = has_unknown(tokens, tokenizer) & (counts > 0)
    if not unknown.any():
        return
    text = texts[int(unknown.argmax())].as_py()
    token = repr(tokenizer.decode([tokenizer.unk_token_id]))
    effect = {
        "inputs": f"The model sees {token} instead, whatever the character.",
        "targets": f"The model learns {token} instead: no text that it writes equals such a target of an open-ended"
        " task.",
    }[what]
    _warn(
        f"{what}-not-in-vocabulary",
        f"{counts[unknown].sum():,} of {counts.sum():,} {what} have characters that the vocabulary of the tokenizer "
        f"does not hold, such as {_example(text, tokenizer)}. {effect} Write them in other characters, or choose a "
        "model that knows them.",
    )


def warn_of_lossy_targets(tokens: Ragged, counts: NDArray[np.int64], texts: pa.Array, tokenizer: Tokenizer) -> None:
    """Warn of targets that are another text once they are decoded, aside from spaces at the ends and unknown tokens.

    Parameters
    ----------
    tokens, counts, texts, tokenizer
        As in `warn_of_unknown`; texts with a count of 0 are not decoded.

    Warns
    -----
    DataWarning
        If there are any; the message has the number of rows and an example.
    """
    checked = np.flatnonzero(~has_unknown(tokens, tokenizer) & (counts > 0))
    rows, example = 0, ""
    for first in range(0, len(checked), BATCH):
        part = checked[first : first + BATCH]
        # As `LabelScorer.generate` decodes what a model wrote.
        decoded = [tokenizer.decode(tokens[row], skip_special_tokens=True) for row in part]
        given = texts.take(pa.array(part))
        same = pc.equal(pc.utf8_trim_whitespace(given), pc.utf8_trim_whitespace(pa.array(decoded, given.type)))
        lost = np.flatnonzero(~same.to_numpy(zero_copy_only=False))
        rows += int(counts[part[lost]].sum())
        if len(lost) and not example:
            example = f"{given[int(lost[0])].as_py()!r}, which becomes {decoded[lost[0]]!r}"
    if rows:
        _warn(
            "lossy-targets",
            f"{rows:,} of {counts.sum():,} targets of open-ended tasks do not survive the tokenizer, such as "
            f"{example}. No text that a model writes equals such a target. Write the targets as they are decoded, or "
            "choose a model whose tokenizer keeps them.",
        )


def has_unknown(tokens: Ragged, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Return for every row whether it has a token that stands for what the vocabulary does not hold, shape (rows,)."""
    unknown = tokenizer.unk_token_id
    # Some vocabularies hold every byte, and name a token that has another meaning.
    if unknown is None or unknown in (tokenizer.eos_token_id, tokenizer.pad_token_id):
        return np.zeros(len(tokens), np.bool_)
    return tokens.holding(unknown)


def _example(text: str, tokenizer: Tokenizer) -> str:
    """Return the first unknown character of a text and what is around it."""
    characters = list(dict.fromkeys(text[:_MOST_CHARACTERS]))
    unknown = np.flatnonzero(has_unknown(encode_inputs(tokenizer, characters), tokenizer))
    if not len(unknown):
        return repr(text[: 2 * _AROUND])
    place = text.index(characters[unknown[0]])
    return f"{text[place]!r} in {text[max(0, place - _AROUND) : place + _AROUND]!r}"


def _warn(code: str, message: str) -> None:
    warnings.warn(DataWarning(code, message), stacklevel=4)
