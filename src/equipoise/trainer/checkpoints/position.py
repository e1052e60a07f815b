"""Where in the stream a checkpoint was taken, and by which version: a JSON file beside the weights."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from equipoise.base.files import write_atomically
from equipoise.base.plain_json import read_json
from equipoise.base.states import check_state, differences, refusing_damaged
from equipoise.errors import StateError

FILE_NAME = "equipoise_stream.json"
METRICS_NAME = "metrics.jsonl"
FORMAT = 1
"""Raised whenever older checkpoints can no longer be resumed exactly."""

_ADVICE = "Resume from another checkpoint."
_MOST = 1 << 59
_FIELDS: dict[str, Any] = {
    "step": range(_MOST),
    "global_batch": range(1, _MOST),
    "draws_per_epoch": range(1, _MOST),
    "examples": range(_MOST),
    "sampler": Mapping[str, Any] | None,
}
_UNKNOWN = {"draws_per_epoch": None, "examples": None}
"""Fields of a stream that is read in order, whose length nobody knows."""


@dataclass(frozen=True)
class StreamPosition:
    """A position in the stream of draws, and the shape of the steps that led to it.

    Attributes
    ----------
    step : int
        Optimiser steps done; the next step begins with draw `step * global_batch`.
    global_batch : int
        Draws per optimiser step, over all ranks and accumulated micro-batches.
    draws_per_epoch : int or None
        Length of the sampler; None for a stream that is read in order.
    examples : int or None
        Length of the dataset that is drawn from; None likewise.
    sampler : mapping or None
        State of the sampler at the start of the epoch of `step`; None for a sampler without state. Of a stream that is
        read in order, its state after `step`.

    Examples
    --------
    >>> import tempfile
    >>> here = StreamPosition(step=3, global_batch=16, draws_per_epoch=160, examples=90, sampler=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     here.write(folder)
    ...     StreamPosition.read(folder) == here
    True
    """

    step: int
    global_batch: int
    draws_per_epoch: int | None
    examples: int | None
    sampler: Mapping[str, Any] | None

    @property
    def epoch(self) -> int:
        """The epoch of the next step; 0 where epochs have no known length."""
        return 0 if self.draws_per_epoch is None else self.step * self.global_batch // self.draws_per_epoch

    def write(self, checkpoint: str | os.PathLike[str]) -> None:
        """Write the position into the folder of a checkpoint."""
        written = {"format": FORMAT, "equipoise": version("equipoise")} | asdict(self)
        with write_atomically(Path(checkpoint) / FILE_NAME) as temporary:
            temporary.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, checkpoint: str | os.PathLike[str]) -> "StreamPosition":
        """Read the position that `write` wrote into the folder of a checkpoint.

        Raises
        ------
        StateError
            If the folder has no such file, `write` did not write it, or its format is another one.
        """
        path = Path(checkpoint) / FILE_NAME
        if not path.is_file():
            raise StateError(
                "no-position",
                f"`{path}` is missing: the checkpoint is incomplete, or was not written by Equipoise. {_ADVICE}",
            )

        values: object = read_json(path, StateError, _ADVICE)
        if not isinstance(values, dict):
            found = type(values).__name__
            raise StateError("damaged-file", f"`{path}` is not a stream position: it holds a {found}. {_ADVICE}")
        held = cast("dict[str, Any]", values)
        written, by = held.pop("format", None), held.pop("equipoise", None)
        if type(written) is not int or written != FORMAT:
            raise StateError(
                "other-format",
                f"`{path}` has format {written!r:.80}, written by Equipoise {by!r:.80}; this is Equipoise "
                f"{version('equipoise')}, which reads format {FORMAT}. Resume with that version, or start a new run.",
            )
        with refusing_damaged(path):
            in_order = {name: held.get(name, 0) for name in _UNKNOWN} == _UNKNOWN
            check_state(held, cls.__name__, _FIELDS | (dict.fromkeys(_UNKNOWN, Any) if in_order else {}))
        return cls(**held)

    def check_same_stream(self, now: "StreamPosition") -> None:
        """Raise StateError, with the differences, unless global batch, epoch and dataset have the same sizes."""
        changed = differences(self._sizes(), now._sizes())
        if changed:
            raise StateError(
                "other-stream",
                f"The checkpoint of step {self.step} cannot be resumed: {'; '.join(changed)}. "
                "Restore the old values, or start a new run.",
            )

    def _sizes(self) -> dict[str, int | None]:
        return {
            "draws per optimiser step (batch size x accumulation x ranks)": self.global_batch,
            "draws per epoch": self.draws_per_epoch,
            "examples in the training set": self.examples,
        }
