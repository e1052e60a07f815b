"""The data of a comparison: read, checked and tokenised once for all of its runs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from equipoise.collate import EncodedExamples
from equipoise.compare.result import Stage
from equipoise.config import RunConfig, config_to_dict
from equipoise.data import Records
from equipoise.data.checks.content_warnings import rows_trained_on
from equipoise.runs.prepare import Prepared, encode
from equipoise.runs.proxies import LEAST_ROWS, with_least_rows
from equipoise.runs.rows import open_ended
from equipoise.runs.samples import Sample, sample_records
from equipoise.runs.versions import installed_versions
from equipoise.schedule import Drawable
from equipoise.trainer.checkpoints.seal import fingerprint_of_weights


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
        self._samples: dict[tuple[str, int], tuple[Sample, EncodedExamples]] = {}

    def of(self, split: str) -> Records:
        """Return the rows of a split."""
        return self.base.records.where(split=split)

    def encoded(self, split: str) -> EncodedExamples:
        """Return the tokenised rows of a split; every example has weight one."""
        if split not in self._encoded:
            self._encoded[split] = encode(self.base.config, self.of(split), self.base.tasks)
        return self._encoded[split]

    def sampled(self, split: str, size: int | None) -> tuple[Sample | None, EncodedExamples]:
        """Return a sample of a split, the same for all runs, and its tokenised rows; without a size, those of all."""
        rows = self.of(split)
        if size is None or size >= len(rows):
            return None, self.encoded(split)
        if (split, size) not in self._samples:
            sample = sample_records(rows, open_ended(self.base.tasks), size, self.base.config.seed)
            assert sample is not None
            encoded = encode(self.base.config, rows.take(sample.rows), self.base.tasks)
            self._samples[split, size] = sample, encoded
        return self._samples[split, size]


def sample_notes(stages: Sequence[Stage], rows: Mapping[str, int], most: int | None) -> list[str]:
    """Say which rows of a comparison are samples, given the rows of each split and `evaluation.rows`.

    Examples
    --------
    >>> first, last = Stage(100, (0,), {}, (), 60), Stage(300, (0,), {}, ())
    >>> sample_notes([first, last], {"validation": 200, "test": 400}, None)
    ['60 of 200 validation rows were scored after 100 draws: a sample, stratified by task and label']
    """
    words = "a sample, stratified by task and label"
    found = [
        f"{stage.rows:,} of {rows['validation']:,} validation rows were scored after {stage.draws:,} draws: {words}"
        for stage in stages
        if stage.rows
    ]
    if most is not None and most < rows["test"]:
        found.append(f"{most:,} of {rows['test']:,} test rows were scored: {words}")
    return list(dict.fromkeys(found))  # stages may have the same draws


def leaked_rows(base: Prepared) -> int:
    """Count the test rows whose input is also in training rows of their task; 0 if that is known of a suite."""
    leaks = any(problem.code == "duplicates-across-splits" for problem in base.problems)
    return len(rows_trained_on(base.records, "test")) if leaks else 0


SHOWN = 5  # labels in a note


def proxy_notes(stages: Sequence[Stage], plan: Drawable) -> list[str]:
    """Say of which labels the runs of earlier stages go through a row less often than full trainings do.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 30}}))
    >>> proxy_notes([Stage(100, (0,), {}, ()), Stage(900, (0,), {}, ())], plan)  # doctest: +ELLIPSIS
    ['runs of 100 draws saw a training row as often as those of 900 do, except of 1 of 2 labels, ...: mood: sad']
    """
    *earlier, last = stages
    found: list[str] = []
    for stage in earlier:
        few = with_least_rows(plan.counts, Fraction(stage.draws, last.draws)).tolist()
        if few:
            named = [f"{plan.strata[place].task}: {plan.strata[place].label}" for place in few[:SHOWN]]
            more = f" and {len(few) - SHOWN:,} more" if len(few) > SHOWN else ""
            found.append(
                f"runs of {stage.draws:,} draws saw a training row as often as those of {last.draws:,} do, except of"
                f" {len(few):,} of {len(plan.strata):,} labels, which have so few rows that {LEAST_ROWS} of them or all"
                f" were kept: {', '.join(named)}{more}"
            )
    return list(dict.fromkeys(found))  # stages may have the same draws


LENGTH = 12  # hexadecimal digits: 2**48 runs


Origin = tuple[str, list[tuple[str, str]], str | None]
"""Fingerprint of all rows, versions of Python and packages, and fingerprint of the weights of a local model."""


def origin_of(model: str, data: str) -> Origin:
    """Return what all runs of a comparison start from; reading the weights takes time."""
    versions = sorted(item for item in installed_versions().items() if item[0] != "platform")
    folder = Path(model)
    return data, versions, fingerprint_of_weights(folder) if folder.is_dir() else None


def fingerprint_of_run(config: RunConfig, origin: Origin) -> str:
    """Return a hexadecimal digest of the configuration of a run and what `origin_of` returned.

    The output directory and the number of resamples of the configuration do not count.

    Examples
    --------
    >>> from equipoise.config import make_config
    >>> one, other = (make_config({"data": {"source": "rows.jsonl"}, "seed": seed}) for seed in (0, 1))
    >>> origin = origin_of("t5-small", "data")
    >>> fingerprint_of_run(one, origin) == fingerprint_of_run(other, origin)
    False
    """
    plain = config_to_dict(config)
    del plain["out"], plain["evaluation"]["bootstrap"]
    known = json.dumps([plain, *origin], sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()[:LENGTH]
