"""The tokens of a run's training rows: where they are kept, and what is made before the first step."""

import hashlib
import json
import math
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from equipoise.base.progress import progress
from equipoise.collate import EncodedExamples
from equipoise.config import RunConfig
from equipoise.data import Records, Task
from equipoise.drawing import Shard
from equipoise.schedule import Drawable

MOSTLY: Final = 0.5
"""The share of the rows that a run draws from which on all are tokenised before its first step."""


def training_examples(
    config: RunConfig,
    train: Records,
    tasks: Mapping[str, Task],
    tokenizer: Any,
    folder: Path,
    *,
    rows_sha256: str,
    shard: Shard = Shard(),  # noqa: B008 - frozen
) -> EncodedExamples:
    """Return the training rows of a run, which are tokenised when they are drawn.

    Parameters
    ----------
    config : RunConfig
        The configuration, for its limits.
    train : Records
        The training rows.
    tasks : mapping of str to Task
        Their tasks.
    tokenizer : transformers.PreTrainedTokenizerBase
        The tokenizer of the model.
    folder : pathlib.Path
        Where tokens of any runs are kept; those of this run are in a folder below, named by all that they depend on.
    rows_sha256 : str
        The fingerprint of the training rows.
    shard : Shard
        This process among those that train together.

    Raises
    ------
    EquipoiseError
        As `EncodedExamples.on_demand`.
    """
    limits = {"max_input": config.training.max_input, "max_target": config.training.max_target}
    name = fingerprint_of_tokens(rows_sha256, tasks, tokenizer, limits)
    return EncodedExamples.on_demand(train, tasks, tokenizer, folder / f"tokens-{name}", **limits, shard=shard)


def fill(examples: EncodedExamples, shard: Shard) -> None:
    """Tokenise this rank's share of the rows; show the progress on the first rank."""
    if shard.rank:
        examples.tokens.fill(lambda _: None)
        return
    with progress(math.ceil(len(examples) / shard.world_size), "tokenising", "row") as shown:
        examples.tokens.fill(shown.update)


def tokenise_if_mostly_drawn(examples: EncodedExamples, plan: Drawable, draws: int, shard: Shard) -> None:
    """Tokenise all rows before the first step where the draws need most of them, so that it disturbs no step."""
    if rows_drawn(plan, draws) >= MOSTLY * len(examples):
        fill(examples, shard)


def rows_drawn(plan: Drawable, draws: int) -> float:
    """Return how many different rows are expected in some draws.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}}), weights="inverse")
    >>> rows_drawn(plan, 400)
    300.0
    """
    return sum(row.count * (1 - row.unseen_fraction) for row in plan.forecast(draws).rows)


def fingerprint_of_tokens(
    rows_sha256: str, tasks: Mapping[str, Task], tokenizer: Any, limits: Mapping[str, int]
) -> str:
    """Return a hexadecimal digest of all that the tokens of rows depend on."""
    known = {
        "rows": rows_sha256,
        "tasks": {name: task.to_dict() for name, task in tasks.items()},
        "limits": dict(limits),
        "tokenizer": _fingerprint(tokenizer),
        "versions": {name: version(name) for name in ("equipoise", "tokenizers", "transformers")},
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]


def _fingerprint(tokenizer: Any) -> str:
    """Return a digest of the files of a tokenizer."""
    digest = hashlib.sha256(type(tokenizer).__qualname__.encode())
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                digest.update(f"{path.relative_to(folder)}:{len(data)}:".encode())
                digest.update(data)
    return digest.hexdigest()
