"""Where in the stream a checkpoint was taken: a JSON file beside the weights, written last.

A checkpoint without this file was cut off while it was being written, or another trainer wrote it.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from equipoise.errors import RunError, StateError
from equipoise.files import read_text, write_atomically
from equipoise.json_text import parse_json

FILE_NAME = "equipoise_stream.json"
METRICS_NAME = "metrics.jsonl"


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
        """Write the position into a checkpoint's folder; do it last, for it says that the checkpoint is whole.

        Parameters
        ----------
        checkpoint : path-like
            The folder of the checkpoint.
        """
        with write_atomically(Path(checkpoint) / FILE_NAME) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

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
            If the folder has no such file or the file is not what `write` writes.
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
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(cast("dict[str, Any]", values)) != names:
            raise refuse(f"it must be an object of {', '.join(sorted(names))}")
        held = cast("dict[str, Any]", values)
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


def last_checkpoint(output_dir: str | os.PathLike[str]) -> Path | None:
    """Return the complete checkpoint of the highest step.

    Parameters
    ----------
    output_dir : path-like
        Where the Trainer writes its `checkpoint-<step>` folders. It may not exist yet.

    Returns
    -------
    pathlib.Path or None
        None when no checkpoint was ever completed.

    Examples
    --------
    A checkpoint that was cut off has no position and is passed over:

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for step in (9, 10):
    ...         StreamPosition(step, 4, 40, 40, None).write(f"{folder}/checkpoint-{step}")
    ...     pathlib.Path(folder, "checkpoint-11").mkdir()
    ...     last_checkpoint(folder).name
    'checkpoint-10'
    """
    complete = [folder for folder in checkpoint_folders(output_dir) if (folder / FILE_NAME).is_file()]
    return max(complete, key=_step, default=None)


def checkpoint_folders(output_dir: str | os.PathLike[str]) -> list[Path]:
    """List the `checkpoint-<step>` folders, complete or not.

    Parameters
    ----------
    output_dir : path-like
        Where the Trainer writes them. It may not exist yet.

    Returns
    -------
    list of pathlib.Path
        By rising step.
    """
    found = [p for p in Path(output_dir).glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", p.name)]
    return sorted((folder for folder in found if folder.is_dir()), key=_step)


def refuse_used(output_dir: str | os.PathLike[str]) -> None:
    """Refuse to start a run where another one lies.

    Parameters
    ----------
    output_dir : path-like
        Where the run is to write.

    Raises
    ------
    RunError
        If the folder holds a checkpoint or `metrics.jsonl`.
    """
    folder = Path(output_dir)
    used = [*checkpoint_folders(folder), *folder.glob(METRICS_NAME)]
    if used:
        raise RunError(
            f"`{folder}` already holds a run (`{used[0].name}`). "
            "Resume it with `resume_from_checkpoint=True`, or choose another `output_dir`."
        )


def _step(folder: Path) -> int:
    return int(folder.name.removeprefix("checkpoint-"))
