"""The tokens of a run's training rows: where they are kept, and what is made before the first step."""

import hashlib
import json
import math
import tempfile
from pathlib import Path
from typing import Any, Final

from equipoise.collate import EncodedExamples
from equipoise.drawing import Shard
from equipoise.plan import Plan
from equipoise.runs.directory import installed_versions
from equipoise.runs.prepare import Prepared
from equipoise.trainer.progress import progress

MOSTLY: Final = 0.5
"""The share of the rows that a run draws from which on all are tokenised before its first step."""
_VERSIONS: Final = ("equipoise", "tokenizers", "transformers")


def training_examples(prepared: Prepared, tokenizer: Any, folder: Path, shard: Shard) -> EncodedExamples:
    """Return the training rows, which are tokenised when they are drawn.

    Parameters
    ----------
    prepared : Prepared
        The data and the plan.
    tokenizer : transformers.PreTrainedTokenizerBase
        The tokenizer of the model.
    folder : pathlib.Path
        Where tokens of any runs are kept; those of this run are in a folder below, named by all that they depend on.
    shard : Shard
        This process among those that train together.

    Raises
    ------
    EquipoiseError
        As `EncodedExamples.on_demand`.
    """
    limits = prepared.config.training
    return EncodedExamples.on_demand(
        prepared.train,
        prepared.tasks,
        tokenizer,
        folder / fingerprint_of_tokens(prepared, tokenizer),
        max_input=limits.max_input,
        max_target=limits.max_target,
        shard=shard,
    )


def tokenise_if_mostly_drawn(examples: EncodedExamples, plan: Plan, draws: int, shard: Shard) -> None:
    """Tokenise all rows before the first step where the draws need most of them; show the progress on the first rank.

    Each rank tokenises its share. Together that takes as long as ahead of the windows, but disturbs no step.
    """
    if rows_drawn(plan, draws) < MOSTLY * len(examples):
        return
    if shard.rank:
        examples.tokens.fill(lambda _: None)
        return
    with progress(math.ceil(len(examples) / shard.world_size), "tokenising", "row") as shown:
        examples.tokens.fill(shown.update)


def rows_drawn(plan: Plan, draws: int) -> float:
    """Return how many different rows are expected in some draws.

    Examples
    --------
    >>> from equipoise import Census
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}}), weights="inverse")
    >>> rows_drawn(plan, 400)
    300.0
    """
    return sum(row.count * (1 - row.unseen_fraction) for row in plan.forecast(draws).rows)


def fingerprint_of_tokens(prepared: Prepared, tokenizer: Any) -> str:
    """Return a hexadecimal digest of all that the tokens of the training rows depend on."""
    limits = prepared.config.training
    versions = installed_versions()
    known = {
        "rows": prepared.data["train_sha256"],
        "tasks": {name: task.to_dict() for name, task in sorted(prepared.tasks.items())},
        "limits": [limits.max_input, limits.max_target],
        "tokenizer": _fingerprint(tokenizer),
        "versions": {name: versions.get(name) for name in _VERSIONS},
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
