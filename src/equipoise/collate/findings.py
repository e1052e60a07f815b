"""What tokenising finds in a row: texts that are cut, that the vocabulary does not hold, that do not survive it."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from equipoise.collate.tokenizer import Tokenizer
from equipoise.collate.tokens import encode_targets
from equipoise.collate.vocabulary import decode, unknown_character
from equipoise.errors import DataWarning

Findings = NDArray[np.uint8]
"""The findings of each row, as a sum of the bits below."""


@dataclass(frozen=True)
class Finding:
    """One kind of finding.

    Attributes
    ----------
    bit : int
        Its bit among the findings of a row.
    code : str
        The code of its warning.
    of : str
        The texts that are concerned, as in "3 of 5 inputs".
    what : str
        What is the matter with them; the limits `{max_input}` and `{max_target}` are filled in.
    advice : str
        The effect, and what to do; `{unknown}` is the token of what the vocabulary does not hold.
    """

    bit: int
    code: str
    of: str
    what: str
    advice: str

    @property
    def of_target(self) -> bool:
        """Whether it is about targets, not inputs."""
        return self.of.startswith("targets")


_UNKNOWN = "have characters that the vocabulary of the tokenizer does not hold"
_WRITE = "Write them in other characters, or choose a model that knows them."
CUT_INPUT: Final = Finding(
    1,
    "cut-inputs",
    "inputs",
    "have more than `max_input`={max_input} tokens and were cut at their ends",
    "Raise `max_input` to keep them whole.",
)
UNKNOWN_INPUT: Final = Finding(
    2,
    "inputs-not-in-vocabulary",
    "inputs",
    _UNKNOWN,
    f"The model sees {{unknown}} instead, whatever the character. {_WRITE}",
)
CUT_TARGET: Final = Finding(
    4,
    "cut-targets",
    "targets",
    "have more than `max_target`={max_target} tokens and were cut at their ends",
    "Raise `max_target` to keep them whole.",
)
UNKNOWN_TARGET: Final = Finding(
    8,
    "targets-not-in-vocabulary",
    "targets",
    _UNKNOWN,
    "The model learns {unknown} instead: no text that it writes equals such a target of an open-ended task. " + _WRITE,
)
LOSSY_TARGET: Final = Finding(
    16,
    "lossy-targets",
    "targets of open-ended tasks",
    "do not survive the tokenizer",
    "No text that a model writes equals such a target. Write the targets as they are decoded, or choose a model whose "
    "tokenizer keeps them.",
)
FINDINGS: Final = (CUT_INPUT, UNKNOWN_INPUT, CUT_TARGET, UNKNOWN_TARGET, LOSSY_TARGET)


def warn_of(
    finding: Finding, found: str, text: str, tokenizer: Tokenizer, limits: Mapping[str, int], stacklevel: int = 3
) -> None:
    """Warn of a finding, with an example.

    Parameters
    ----------
    finding : Finding
        The kind.
    found : str
        How many texts, as in "3 of 5 inputs".
    text : str
        The text of a row that has it.
    tokenizer : Tokenizer
        The tokenizer.
    limits : mapping of str to int
        `max_input` and `max_target`.
    stacklevel : int
        As of `warnings.warn`.

    Warns
    -----
    DataWarning
        Always.
    """
    example = unknown = ""
    if finding.what == _UNKNOWN:
        example, unknown = unknown_character(text, tokenizer), repr(tokenizer.decode([tokenizer.unk_token_id]))
    elif finding is LOSSY_TARGET:
        example = f"{text!r}, which becomes {decode(encode_targets(tokenizer, [text])[0], tokenizer)!r}"
    such = f", such as {example}" if example else ""
    message = f"{found} {finding.what.format(**limits)}{such}. {finding.advice.format(unknown=unknown)}"
    warnings.warn(DataWarning(finding.code, message), stacklevel=stacklevel)
