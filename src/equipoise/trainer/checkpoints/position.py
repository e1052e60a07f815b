"""Where in the stream a checkpoint was taken, and by which version: a JSON file beside the weights."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from equipoise.base.files import read_text, write_atomically
from equipoise.base.plain_json import parse_json
from equipoise.errors import StateError

FILE_NAME = "equipoise_stream.json"
METRICS_NAME = "metrics.jsonl"
FORMAT = 1
"""Raised whenever a checkpoint of before could no longer be continued exactly."""


@dataclass(frozen=True)
class StreamPosition:
    """A place in the stream of draws and the shape of the steps that led to it.

    Attributes
    ----------
    step : int
        Optimiser steps done; the next step takes draws `step * global_batch` and on.
    global_batch : int
        Draws per optimiser step, over all ranks and accumulated micro-batches.
    draws_per_epoch : int
        Length of the sampler.
    examples : int
        Length of the dataset that the draws point into.
    sampler : mapping or None
        State of the sampler at the start of the epoch of `step`; None for a sampler that keeps none.

    Examples
    --------
    >>> import tempfile
    >>> place = StreamPosition(step=3, global_batch=16, draws_per_epoch=160, examples=90, sampler=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place.write(folder)
    ...     StreamPosition.read(folder) == place
    True
    """

    step: int
    global_batch: int
    draws_per_epoch: int
    examples: int
    sampler: Mapping[str, Any] | None

    @property
    def epoch(self) -> int:
        """The epoch that the next step is in."""
        return self.step * self.global_batch // self.draws_per_epoch

    def write(self, checkpoint: str | os.PathLike[str]) -> None:
        """Write the position into a checkpoint's folder.

        Parameters
        ----------
        checkpoint : path-like
            The folder of the checkpoint.
        """
        written = {"format": FORMAT, "equipoise": version("equipoise")} | asdict(self)
        with write_atomically(Path(checkpoint) / FILE_NAME) as temporary:
            temporary.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, checkpoint: str | os.PathLike[str]) -> "StreamPosition":
        """Read the position of a checkpoint.

        Parameters
        ----------
        checkpoint : path-like
            The folder of the checkpoint.

        Returns
        -------
        StreamPosition
            What `write` wrote.

        Raises
        ------
        StateError
            If the folder has no such file, the file is not what `write` writes, or a version that writes another
            format wrote it.
        """
        path = Path(checkpoint) / FILE_NAME
        if not path.is_file():
            raise StateError(
                f"`{path}` is missing: the checkpoint is incomplete, or was not written by Equipoise. "
                "Resume from another checkpoint."
            )

        def refuse(why: str) -> StateError:
            return StateError(f"`{path}` is not a stream position: {why}. Resume from another checkpoint.")

        values: object = parse_json(read_text(path, StateError), refuse)
        if not isinstance(values, dict):
            raise refuse(f"it must be an object, found {type(values).__name__}")
        held = cast("dict[str, Any]", values)
        written, by = held.pop("format", None), held.pop("equipoise", None)
        if written != FORMAT:
            raise StateError(
                f"`{path}` is of format {written!r:.80}, written by Equipoise {by!r:.80}; this is Equipoise "
                f"{version('equipoise')}, which reads format {FORMAT}. Resume with that version, or start a new run."
            )
        names = {field.name for field in fields(cls)}
        if set(held) != names:
            raise refuse(f"it must be an object of format, equipoise, {', '.join(sorted(names))}")
        for name, least in (("step", 0), ("global_batch", 1), ("draws_per_epoch", 1), ("examples", 0)):
            if not isinstance(held[name], int) or isinstance(held[name], bool) or held[name] < least:
                raise refuse(f"`{name}` must be a whole number from {least}, found {held[name]!r:.80}")
        if not isinstance(held["sampler"], dict | None):
            raise refuse("`sampler` must be an object or null")
        return cls(**held)

    def check_same_stream(self, now: "StreamPosition") -> None:
        """Refuse to continue this position with steps that cut the stream otherwise.

        Parameters
        ----------
        now : StreamPosition
            The position of the run that wants to continue; its step and sampler state are not compared.

        Raises
        ------
        StateError
            If the global batch, the epoch or the dataset has another size; each difference is named.
        """
        names = {
            "global_batch": "draws per optimiser step (batch size x accumulation x ranks)",
            "draws_per_epoch": "draws per epoch",
            "examples": "examples in the training set",
        }
        changed = [
            f"{text}: {getattr(self, name)} then, {getattr(now, name)} now"
            for name, text in names.items()
            if getattr(self, name) != getattr(now, name)
        ]
        if changed:
            raise StateError(
                f"The checkpoint of step {self.step} cannot be continued: {'; '.join(changed)}. "
                "Give the old values, or start a new run."
            )
