"""The lengths of rows that are drawn, and what was found in their texts."""

import warnings

import numpy as np
from numpy.typing import NDArray

from equipoise.collate.findings import FINDINGS, LOSSY_TARGET, Findings, warn_of
from equipoise.collate.on_demand import OnDemandTokens
from equipoise.errors import DataWarning


class DrawnLengths:
    """The input lengths of rows, for a sampler; what is asked for counts as drawn, with its findings.

    The first time that something is found, a warning says so; `warn_of_totals` says how often it was in the end.

    Parameters
    ----------
    tokens : OnDemandTokens
        The tokens of the rows.
    """

    def __init__(self, tokens: OnDemandTokens) -> None:
        self._tokens = tokens
        self._encoding = tokens.encoding
        self.draws = 0
        self._open_draws = 0
        self.found: dict[int, int] = {each.bit: 0 for each in FINDINGS}
        self._said: dict[int, int] = {}  # draws when a warning told of it

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the lengths of some rows, which are drawn now, and tokenised if they were not yet."""
        heads = self._tokens.heads(rows)
        self._count(rows, heads[:, 2].astype(np.uint8))
        return heads[:, 0]

    def ahead(self, rows: NDArray[np.int64]) -> None:
        """Tokenise, in the meantime, the rows that are drawn next."""
        self._tokens.ahead(rows)

    def _count(self, rows: NDArray[np.int64], findings: Findings) -> None:
        self.draws += len(rows)
        self._open_draws += int(self._encoding.is_open[self._tokens.task_ids[rows]].sum())
        for each in FINDINGS:
            with_it = np.flatnonzero(findings & each.bit)
            self.found[each.bit] += len(with_it)
            if len(with_it) and each.bit not in self._said and self._tokens.shard.rank == 0:
                self._said[each.bit] = self.draws
                row = int(rows[with_it[0]])
                found = f"{len(with_it):,} of {self._of(each.bit):,} {each.of} drawn so far"
                text = self._tokens.text_of(row, target=each.of_target)
                warn_of(each, found, text, self._encoding.tokenizer, self._encoding.limits, stacklevel=4)

    def _of(self, bit: int) -> int:
        return self._open_draws if bit == LOSSY_TARGET.bit else self.draws

    def warn_of_totals(self) -> None:
        """Warn of what was found in all draws, if there were more since a warning told of it; once of all ranks.

        Warns
        -----
        DataWarning
            If anything was.
        """
        listed = "; ".join(
            f"{self.found[each.bit]:,} of {self._of(each.bit):,} {each.of} {each.what.format(**self._encoding.limits)}"
            for each in FINDINGS
            if self._said.get(each.bit, self.draws) < self.draws
        )
        if listed:
            warnings.warn(DataWarning("found-in-draws", f"Of all that was drawn, {listed}."), stacklevel=2)
