"""The checkpoints of a run: which one to resume from, how a new one is completed, which ones are removed."""

import os
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from equipoise.base.files import free_space, refusing_unwritable, to_disk
from equipoise.errors import RunError, RunWarning, StateError
from equipoise.trainer.checkpoints.position import METRICS_NAME, StreamPosition
from equipoise.trainer.checkpoints.seal import (
    UNFINISHED,
    damage_of,
    discard,
    has_lost_seal,
    is_foreign,
    is_sealed,
    seal,
)


def checkpoint_folders(output_dir: str | os.PathLike[str]) -> list[Path]:
    """Return the `checkpoint-<step>` folders of a run, complete or not, by rising step."""
    found = [p for p in Path(output_dir).glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", p.name)]
    # A link leads to a folder that the user has made.
    return sorted((folder for folder in found if folder.is_dir() and not folder.is_symlink()), key=step_of)


def last_checkpoint(output_dir: str | os.PathLike[str]) -> Path | None:
    """Return the complete checkpoint of the highest step, without reading it; None if there is none.

    Examples
    --------
    A checkpoint that was cut off has no seal and is skipped:

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = pathlib.Path(name)
    ...     for step in (9, 10):
    ...         finish(StreamPosition(step, 4, 40, 40, None), folder / f"checkpoint-{step}")
    ...     (folder / "checkpoint-11").mkdir()
    ...     last_checkpoint(folder).name
    'checkpoint-10'
    """
    return max(filter(is_sealed, checkpoint_folders(output_dir)), key=step_of, default=None)


def refuse_used(output_dir: str | os.PathLike[str]) -> None:
    """Raise RunError if a folder holds a run already: a checkpoint or `metrics.jsonl`."""
    folder = Path(output_dir)
    metrics = folder / METRICS_NAME
    used = [*checkpoint_folders(folder), *([metrics] if os.path.lexists(metrics) else [])]
    if used:
        raise RunError(
            "used-folder",
            f"`{folder}` already holds a run (`{used[0].name}`). "
            "Resume it with `resume_from_checkpoint=True`, or choose another `output_dir`.",
        )


def begin(folder: Path, checkpoints: Path | None = None) -> None:
    """Create an empty folder for a checkpoint or a model, in place of one that Equipoise has written.

    `checkpoints` is where the last one is looked for if that fails; by default beside it.

    Raises
    ------
    RunError
        If others have written there, which is left as it is, or it cannot be created.
    """
    if is_foreign(folder):
        reason = f"`{folder}` was not written by Equipoise, and its name is needed. Move it away, then resume."
        raise RunError("foreign-checkpoint", reason)
    with saving(folder, checkpoints or folder.parent):
        discard(folder)
        folder.mkdir(parents=True)
        (folder / UNFINISHED).touch()


def named_checkpoint(folder: Path, output_dir: Path) -> Path:
    """Check a checkpoint that was asked for by name, and rename later ones to `left-checkpoint-<step>`.

    Training may differ from there on, and the next run must not resume from one of those. `output_dir` is where the run
    is to write: the folder of the checkpoint, or one without a run.

    Raises
    ------
    StateError
        If it is not intact; the message names the last intact one next to it.
    RunError
        If `output_dir` holds another run.
    """
    if folder.resolve().parent != output_dir.resolve():
        refuse_used(output_dir)
    damage = damage_of(folder)
    if damage is None:
        for each in checkpoint_folders(output_dir):
            if step_of(each) > step_of(folder) and (is_sealed(each) or has_lost_seal(each)):
                _set_aside(each, "left", "later", f"is later than `{folder.name}`, where training begins")
        return folder
    others = (each for each in reversed(checkpoint_folders(folder.parent)) if each != folder)
    whole = next((f"The last intact one next to it is `{each}`." for each in others if damage_of(each) is None), None)
    advice = whole or "There is no intact checkpoint next to it."
    raise StateError("damaged-checkpoint", f"`{folder}` cannot be resumed: {damage}. {advice}")


def newest_whole_checkpoint(output_dir: Path) -> Path | None:
    """Return the newest checkpoint that is whole, and rename newer, damaged ones to `damaged-checkpoint-<step>`.

    They are not deleted, as some of their content may be saved, and training that reaches their step needs the name.
    None is returned when no checkpoint was ever completed.

    Raises
    ------
    StateError
        If all that were completed are damaged, or all were written by others: the user has to decide.
    """
    folders = checkpoint_folders(output_dir)
    damaged: dict[Path, str] = {}
    for folder in (each for each in reversed(folders) if is_sealed(each) or has_lost_seal(each)):
        damage = damage_of(folder)
        if damage is None:
            for each, why in damaged.items():
                then = f", and training resumes from `{folder.name}`, the newest intact one"
                _set_aside(each, "damaged", "damaged", f"is damaged: {why}", then)
            return folder
        damaged[folder] = damage
    if damaged:
        listed = "; ".join(f"`{folder}`: {why}" for folder, why in damaged.items())
        advice = "Start a new run in another folder."
        raise StateError("damaged-checkpoint", f"No checkpoint can be resumed, all are damaged: {listed}. {advice}")
    foreign = [folder for folder in folders if is_foreign(folder)]
    if foreign:
        raise StateError(
            "foreign-checkpoint",
            f"`{foreign[-1]}` was not completed by Equipoise, or by an older version, so `{output_dir}` cannot be "
            "resumed. Choose another folder.",
        )
    return None


def finish(position: StreamPosition, folder: Path, *, keep: int | None = None, best: str | None = None) -> None:
    """Complete a checkpoint whose other files are written; only then remove older ones.

    `keep` whole checkpoints stay, this one included, by default all; `best` stays whatever its age.
    """
    with saving(folder, folder.parent):
        position.write(folder)
        seal(folder)
    if not keep:
        return
    whole = [each for each in checkpoint_folders(folder.parent) if is_sealed(each)]
    kept = {folder.name, *(each.name for each in whole[-keep:]), *([] if best is None else [Path(best).name])}
    for each in checkpoint_folders(folder.parent):
        # One that was cut off is not counted, and one of others is not touched.
        try:
            if each.name not in kept and not is_foreign(each):
                discard(each)
        except OSError as error:  # it is open or has another owner; tried again after the next save
            reason = f"`{each}` cannot be removed: {error.strerror or error}."
            warnings.warn(RunWarning("cannot-remove", reason), stacklevel=2)


@contextmanager
def saving(folder: Path, checkpoints: Path) -> Generator[None]:
    """Remove a folder that cannot be written, and raise a RunError that names the file and the last checkpoint."""
    try:
        yield
    except Exception as error:  # full disks and lost mounts raise many types
        place, room, last = folder.name, "", ""
        with suppress(OSError):  # a disk that went away
            files = [path for path in folder.glob("**/*") if path.is_file() and path.name != UNFINISHED]
            place = max(files, key=lambda path: path.stat().st_mtime_ns, default=folder).name
        with suppress(OSError):
            room = f"{free_space(folder)} "
        with suppress(OSError):
            discard(folder)
        with suppress(OSError):
            found = last_checkpoint(checkpoints)
            last = "No checkpoint was saved before. " if found is None else f"The last checkpoint is `{found}`. "
        raise RunError(
            "cannot-save",
            f"Cannot save `{folder}`, at `{place}` ({type(error).__name__}: {error!s:.200}). {room}{last}"
            "Make sure that the folder can be written, then resume.",
        ) from error


@contextmanager
def publishing(target: Path, checkpoints: Path) -> Generator[Path]:
    """Write the folder of a model in the block; it is sealed behind it, and gets its name last.

    Raises
    ------
    RunError
        As `begin` and `saving`, or if it cannot be renamed.
    """
    unfinished = target.with_name(f".{target.name}")
    begin(unfinished, checkpoints)
    with saving(unfinished, checkpoints):
        yield unfinished
        seal(unfinished)
    with refusing_unwritable(target):
        unfinished.rename(target)
        to_disk(target.parent)


def _set_aside(folder: Path, name: str, code: str, reason: str, then: str = "") -> None:
    """Rename a checkpoint, and warn of it."""
    names = (f"{name}-{folder.name}{suffix}" for suffix in ("", *(f"-{number}" for number in range(2, 1000))))
    aside = next(each for each in map(folder.with_name, names) if not each.exists())
    with refusing_unwritable(aside):
        folder.rename(aside)
    message = f"`{folder}` {reason}. It is now `{aside.name}`{then}."
    warnings.warn(RunWarning(f"{code}-checkpoint", message), stacklevel=3)


def step_of(folder: Path) -> int:
    """Return the step that the name of a checkpoint tells."""
    return int(folder.name.removeprefix("checkpoint-"))
