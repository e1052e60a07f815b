"""The checkpoints of a run: which one to continue from, how a new one joins them, which ones go."""

import os
import re
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from equipoise.base.files import free_space, refusing_unwritable
from equipoise.errors import RunError, RunWarning, StateError
from equipoise.trainer.checkpoints.position import METRICS_NAME, StreamPosition
from equipoise.trainer.checkpoints.seal import UNFINISHED, damage_of, discard, is_foreign, is_sealed, seal


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
    # A link leads to something of the user's.
    return sorted((folder for folder in found if folder.is_dir() and not folder.is_symlink()), key=_step)


def last_checkpoint(output_dir: str | os.PathLike[str]) -> Path | None:
    """Return the complete checkpoint of the highest step, without reading it.

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
    A checkpoint that was cut off has no seal and is passed over:

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = pathlib.Path(name)
    ...     for step in (9, 10):
    ...         finish(StreamPosition(step, 4, 40, 40, None), folder / f"checkpoint-{step}")
    ...     (folder / "checkpoint-11").mkdir()
    ...     last_checkpoint(folder).name
    'checkpoint-10'
    """
    return max(filter(is_sealed, checkpoint_folders(output_dir)), key=_step, default=None)


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


def refuse_unwritable(output_dir: Path) -> None:
    """Refuse a folder that cannot be written now, before an hour of training finds out.

    Raises
    ------
    RunError
        If no file can be made there.
    """
    with refusing_unwritable(output_dir / "checkpoint-0"):
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir) as file:
            file.write(b"0")


def named_checkpoint(folder: Path, output_dir: Path) -> Path:
    """Check a checkpoint that was asked for by name, and set those aside that lie ahead of it.

    Training goes another way from there on: the checkpoints of the way that is left are renamed to
    `left-checkpoint-<step>`, or the next run would go on from one of them.

    Parameters
    ----------
    folder : pathlib.Path
        The checkpoint.
    output_dir : pathlib.Path
        Where the run is to write: where the checkpoint lies, or a folder without a run.

    Raises
    ------
    StateError
        If it is not whole; the last whole one beside it is named.
    RunError
        If `output_dir` holds another run.
    """
    if folder.resolve().parent != output_dir.resolve():
        refuse_used(output_dir)
    damage = damage_of(folder)
    if damage is None:
        for each in checkpoint_folders(output_dir):
            if _step(each) > _step(folder) and is_sealed(each):
                aside = _set_aside(each, "left")
                warnings.warn(
                    RunWarning(
                        f"`{each}` lies ahead of `{folder.name}`, where training begins. It is now `{aside.name}`."
                    ),
                    stacklevel=2,
                )
        return folder
    others = (each for each in reversed(checkpoint_folders(folder.parent)) if each != folder and is_sealed(each))
    whole = next((each for each in others if damage_of(each) is None), None)
    advice = (
        "There is no whole checkpoint beside it." if whole is None else f"The last whole one beside it is `{whole}`."
    )
    raise StateError(f"`{folder}` cannot be resumed: {damage}. {advice}")


def newest_whole_checkpoint(output_dir: Path) -> Path | None:
    """Find the newest checkpoint that is whole, and set newer ones that are damaged aside.

    A damaged one is renamed to `damaged-checkpoint-<step>`: it is not deleted, as something may be saved from it, and
    training that reaches its step again finds the name free.

    Parameters
    ----------
    output_dir : pathlib.Path
        Where the Trainer writes its `checkpoint-<step>` folders.

    Returns
    -------
    pathlib.Path or None
        None when no checkpoint was ever completed.

    Raises
    ------
    StateError
        If all complete ones are damaged, or all were written by others: to start again is not decided here.
    """
    folders = checkpoint_folders(output_dir)
    damaged: dict[Path, str] = {}
    for folder in filter(is_sealed, reversed(folders)):
        damage = damage_of(folder)
        if damage is None:
            for each, why in damaged.items():
                aside = _set_aside(each, "damaged")
                warnings.warn(
                    RunWarning(
                        f"`{each}` is damaged: {why}. It is now `{aside.name}`, and training goes on from "
                        f"`{folder.name}`, the newest whole one."
                    ),
                    stacklevel=2,
                )
            return folder
        damaged[folder] = damage
    if damaged:
        listed = "; ".join(f"`{folder}`: {why}" for folder, why in damaged.items())
        raise StateError(f"No checkpoint can be resumed, all are damaged: {listed}. Start a new run in another folder.")
    foreign = [folder for folder in folders if is_foreign(folder)]
    if foreign:
        raise StateError(
            f"`{foreign[-1]}` was not completed by Equipoise, or by an older version, so `{output_dir}` cannot be "
            "resumed. Choose another folder."
        )
    return None


def finish(position: StreamPosition, folder: Path, *, keep: int | None = None, best: str | None = None) -> None:
    """Complete a checkpoint whose other files are written; only then remove older ones.

    Parameters
    ----------
    position : StreamPosition
        Where in the stream it was taken.
    folder : pathlib.Path
        The checkpoint.
    keep : int, optional
        How many whole checkpoints stay, this one included; without it all.
    best : str, optional
        One that stays whatever its age.
    """
    with saving(folder, folder.parent):
        position.write(folder)
        seal(folder)
    if not keep:
        return
    whole = [each for each in checkpoint_folders(folder.parent) if is_sealed(each)]
    kept = {folder.name, *(each.name for each in whole[-keep:]), *([] if best is None else [Path(best).name])}
    for each in checkpoint_folders(folder.parent):
        # What was cut off counts for nothing, and what others wrote is theirs.
        try:
            if each.name not in kept and not is_foreign(each):
                discard(each)
        except OSError as error:  # someone else has it open, or owns it; the next time it is tried again
            warnings.warn(RunWarning(f"`{each}` cannot be removed: {error.strerror or error}."), stacklevel=2)


@contextmanager
def saving(folder: Path, checkpoints: Path) -> Generator[None]:
    """Say what could not be written of a checkpoint or model, and which checkpoint is the last; leave nothing of it.

    Parameters
    ----------
    folder : pathlib.Path
        What is saved.
    checkpoints : pathlib.Path
        Where the checkpoints lie.

    Raises
    ------
    RunError
        For whatever went wrong.
    """
    try:
        yield
    except Exception as error:  # full disks and lost mounts reach Python in many shapes
        place, room, last = folder.name, "", ""
        with suppress(OSError):  # of a disk that went away nothing can be told
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
            f"Cannot save `{folder}`, at `{place}` ({type(error).__name__}: {error!s:.200}). {room}{last}"
            "Make sure that the folder can be written, then resume."
        ) from error


def _set_aside(folder: Path, why: str) -> Path:
    names = (f"{why}-{folder.name}{suffix}" for suffix in ("", *(f"-{number}" for number in range(2, 1000))))
    aside = next(each for each in map(folder.with_name, names) if not each.exists())
    with refusing_unwritable(aside):
        return folder.rename(aside)


def _step(folder: Path) -> int:
    return int(folder.name.removeprefix("checkpoint-"))
