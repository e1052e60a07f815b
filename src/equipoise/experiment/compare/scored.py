"""What is kept of a run: what it cost, and its scores by correction. Each is a file in the run's directory."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

from equipoise.experiment.compare.directory import refusing_damage
from equipoise.experiment.compare.judging import Means
from equipoise.runs.directory import RunDirectory, read_json, write_json


@dataclass(frozen=True)
class Scored:
    """A run whose rows of one split were scored."""

    NAME: ClassVar[str]

    @classmethod
    def path(cls, run: RunDirectory) -> Path:
        """Where it lies; it is written last, so the split is scored if it is there."""
        return run.path / cls.NAME

    @classmethod
    def read(cls, run: RunDirectory) -> Self:
        """Read what `write` wrote."""
        path = cls.path(run)
        with refusing_damage(path):
            return cls(**read_json(path))

    def write(self, run: RunDirectory) -> None:
        """Keep it."""
        write_json(self.path(run), asdict(self))


@dataclass(frozen=True)
class Trained(Scored):
    """A run that was trained and scored on validation rows.

    Attributes
    ----------
    training_seconds, scoring_seconds : float
        What it took.
    tokens : int
        Input and target tokens of its draws.
    flops : float
        Operations of its training.
    scores : dict of str to dict
        Means over the tasks of each metric, by correction.
    """

    NAME = "validation.json"

    training_seconds: float
    scoring_seconds: float
    tokens: int
    flops: float
    scores: dict[str, Means]


@dataclass(frozen=True)
class Tested(Scored):
    """A run that was scored on test rows.

    Attributes
    ----------
    scoring_seconds : float
        What it took.
    scores : dict of str to pair of dict
        Means over the tasks of each metric, and those of each task, by correction.
    """

    NAME = "test.json"

    scoring_seconds: float
    scores: dict[str, tuple[Means, dict[str, Means]]]
