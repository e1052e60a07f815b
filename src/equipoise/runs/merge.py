"""Write the model of a run with an adapter as a whole one, which needs neither PEFT nor the base model."""

from pathlib import Path
from typing import Any

from equipoise.base.files import refusing_unwritable
from equipoise.errors import RunError
from equipoise.models import load_model
from equipoise.models.base_model import base_of, is_adapter
from equipoise.runs.directory import RunDirectory
from equipoise.trainer.checkpoints.folders import publishing


def merge(run: Path, out: Path | None = None) -> Path:
    """Merge the adapter of a run into its base model.

    The whole model predicts as base and adapter together do, up to rounding. The folder appears when all of it is
    written, with the checksums of its files.

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    out : pathlib.Path, optional
        The folder of the whole model; by default ``merged`` in the run directory.

    Returns
    -------
    pathlib.Path
        The folder, as `--model` takes it.

    Raises
    ------
    RunError
        If the run is not finished or trained no adapter, its base model has changed or is quantised, or something is
        at `out` already.
    """
    directory = RunDirectory.open(run)
    target = out or directory.merged
    with refusing_unwritable(target):
        taken = target.is_symlink() or target.exists()
    if taken:
        raise RunError("not-empty", f"`{target}` exists already. Choose another --out, or remove it.")
    folder = directory.trained_model()
    if not is_adapter(str(folder)):
        raise RunError("no-adapter", f"`{run}` trained no adapter: the whole model is in `{folder}`. Use that folder.")
    model, tokenizer = _loaded(folder)
    with publishing(target, directory.checkpoints) as unfinished:
        model.merge_and_unload().save_pretrained(unfinished)
        tokenizer.save_pretrained(unfinished)
    return target


def _loaded(folder: Path) -> tuple[Any, Any]:
    model, tokenizer = load_model(folder)
    base = base_of(model)
    if base is not None and base.quantization is not None:
        raise RunError(
            "quantised-base",
            f"The adapter in `{folder}` was trained on a model in {base.quantization}, where it cannot be added to the "
            "parameters without rounding them. Use the run as it is.",
        )
    return model, tokenizer
