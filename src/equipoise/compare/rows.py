"""The data of a comparison: read, checked and tokenised once for all of its runs."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from equipoise.collate import EncodedExamples
from equipoise.config import RunConfig, config_to_dict
from equipoise.data import Records
from equipoise.models import load_tokenizer
from equipoise.runs.directory import fingerprint_of_weights, installed_versions
from equipoise.runs.prepare import Prepared, prepare_again
from equipoise.runs.train import encode


class SharedData:
    """The rows that all runs share: prompts, targets and limits are the same for all trainings.

    Parameters
    ----------
    base : Prepared
        Returned by `prepare`, of the configuration that all runs share.
    """

    def __init__(self, base: Prepared) -> None:
        self.base = base
        self._encoded: dict[str, EncodedExamples] = {}

    @property
    def records(self) -> Records:
        """All rows."""
        return self.base.records

    def of(self, split: str) -> Records:
        """Return the rows of a split."""
        return self.records.where(split=split)

    def prepared(self, config: RunConfig) -> Prepared:
        """Prepare one of the runs."""
        return prepare_again(config, self.base)

    def encoded(self, split: str) -> EncodedExamples:
        """Return the tokenised rows of a split; every example has weight one."""
        if split not in self._encoded:
            self._encoded[split] = encode(self.of(split), self.base, load_tokenizer(self.base.config))
        return self._encoded[split]


LENGTH = 12  # hexadecimal digits: 2**48 runs


@dataclass(frozen=True)
class Origin:
    """What all runs of a comparison start from; reading it takes time, so it is read once.

    Attributes
    ----------
    data : str
        The fingerprint of all rows.
    versions : tuple of (str, str)
        Versions of Python and packages.
    weights : str or None
        The fingerprint of the weights that training starts from, if the model is a local directory.

    Examples
    --------
    >>> from equipoise.config import make_config
    >>> one, other = (make_config({"data": {"source": "rows.jsonl"}, "seed": seed}) for seed in (0, 1))
    >>> origin = Origin.of("t5-small", "data")
    >>> origin.fingerprint(one) == origin.fingerprint(other)
    False
    """

    data: str
    versions: tuple[tuple[str, str], ...]
    weights: str | None

    @classmethod
    def of(cls, model: str, data: str) -> "Origin":
        """Read the versions, and the weights of a model that is a directory."""
        versions = ((name, version) for name, version in installed_versions().items() if name != "platform")
        folder = Path(model)
        return cls(data, tuple(sorted(versions)), fingerprint_of_weights(folder) if folder.is_dir() else None)

    def fingerprint(self, config: RunConfig) -> str:
        """Return a digest of all of this and a configuration.

        Parameters
        ----------
        config : RunConfig
            Of a run; its output directory and the number of resamples do not count.

        Returns
        -------
        str
            Hexadecimal.
        """
        plain = config_to_dict(config)
        del plain["out"], plain["evaluation"]["bootstrap"]
        known = json.dumps([plain, self.data, self.versions, self.weights], sort_keys=True)
        return hashlib.sha256(known.encode()).hexdigest()[:LENGTH]
