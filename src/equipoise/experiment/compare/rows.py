"""The rows of a comparison: read, checked and tokenised once for all of its runs."""

from typing import Any

from equipoise.collate import EncodedExamples
from equipoise.config import RunConfig
from equipoise.data import Records
from equipoise.models import load_tokenizer
from equipoise.runs.prepare import Prepared, prepare_again
from equipoise.runs.train import encode


class Rows:
    """Rows that all runs share: prompts, targets and limits are the same for all trainings.

    Parameters
    ----------
    base : Prepared
        From `prepare`, of what all runs have in common.
    """

    def __init__(self, base: Prepared) -> None:
        self.base = base
        self._encoded: dict[str, EncodedExamples] = {}

    @property
    def records(self) -> Records:
        """All rows."""
        return self.base.records

    def of(self, split: str) -> Records:
        """The rows of a split."""
        return self.records.where(split=split)

    def prepared(self, config: RunConfig) -> Prepared:
        """Plan one of the runs."""
        return prepare_again(config, self.base)

    def encoded(self, split: str) -> EncodedExamples:
        """The rows of a split as tokens; every example has weight one."""
        if split not in self._encoded:
            tokenizer: Any = load_tokenizer(self.base.config.model.name)
            self._encoded[split] = encode(self.of(split), self.base, tokenizer)
        return self._encoded[split]
