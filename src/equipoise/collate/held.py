"""What all tokens of rows can be asked for, and those that are in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from equipoise.collate.encoding import Texts
from equipoise.collate.findings import Findings
from equipoise.collate.ragged import Ragged

Tokens = NDArray[np.int32]


class TokenRows(Protocol):
    """The tokens of the input and the target of each row, in memory or made on demand."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def rows(self, rows: Sequence[int]) -> list[tuple[Tokens, Tokens]]:
        """Return the tokens of the input and the target of some rows."""
        ...

    def heads(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of input and target tokens, and the findings, of some rows: shape (rows, 3)."""
        ...

    def fill(self, done: Callable[[int], object]) -> None:
        """Make the tokens of all rows now; `done` is told how many were made, as it goes."""


@dataclass(frozen=True, eq=False)
class HeldTokens:
    """The tokens of rows, all made already, each distinct text once; without the texts, so that pickles are small.

    Attributes
    ----------
    inputs, targets : Ragged
        The distinct inputs and targets.
    input_codes, target_codes : ndarray of int32, shape (N,)
        For each row, its text in `inputs` and `targets`.
    findings : ndarray of uint8, shape (N,)
        What was found in each row.
    """

    inputs: Ragged
    targets: Ragged
    input_codes: NDArray[np.int32]
    target_codes: NDArray[np.int32]
    findings: Findings

    @classmethod
    def of(cls, inputs: Texts, targets: Texts) -> "HeldTokens":
        """Hold the inputs and the targets of the same rows."""
        # Rows without a target have the code -1; they read an empty row behind all others.
        filled = Ragged.concatenate([targets.tokens, Ragged.from_lists([[]])])
        codes = np.where(targets.codes < 0, len(targets.tokens), targets.codes).astype(np.int32)
        return cls(inputs.tokens, filled, inputs.codes, codes, inputs.findings | targets.findings)

    def __len__(self) -> int:
        return len(self.input_codes)

    def rows(self, rows: Sequence[int]) -> list[tuple[Tokens, Tokens]]:
        """Return the tokens of the input and the target of some rows, as views."""
        return [(self.inputs[self.input_codes[row]], self.targets[self.target_codes[row]]) for row in rows]

    def heads(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of input and target tokens, and the findings, of some rows: shape (rows, 3)."""
        lengths = self.inputs.lengths[self.input_codes[rows]], self.targets.lengths[self.target_codes[rows]]
        return np.stack([*lengths, self.findings[rows].astype(np.int64)], axis=1)

    def fill(self, done: Callable[[int], object]) -> None:
        """Tell `done` that all rows are there."""
        done(len(self))
