"""Advice on data that are read, and not only on their counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.compare.advice.advise import Advice, advise
from equipoise.config import load_config
from equipoise.data import Records, infer_tasks
from equipoise.data.guessing import Guess
from equipoise.runs.initial import guessed_config
from equipoise.runs.rows import census_of, load_records, task_options

_SAMPLE = 10_000  # inputs whose lengths are taken


@dataclass(frozen=True)
class AdviceOnData:
    """Advice, and what was guessed to give it.

    Attributes
    ----------
    advice : Advice
        The advice.
    guesses : tuple of Guess
        What was guessed of the columns.
    model : str
        The name of the model.
    """

    advice: Advice
    guesses: tuple[Guess, ...]
    model: str


def advise_on(
    source: str,
    options: Mapping[str, Any],
    overrides: Sequence[str] = (),
    cache: Path | None = None,
    *,
    draws: int | None = None,
    model: str | None = None,
    probabilities: bool = False,
) -> AdviceOnData:
    """Read data, or those of a configuration, and advise on them.

    Parameters
    ----------
    source, options, overrides
        As in `equipoise.runs.initial.guessed_config`; the source may be a configuration.
    cache : pathlib.Path, optional
        As in `read_records`.
    draws, model, probabilities
        As in `advise`; by default draws and model are those of the configuration, if it is one.

    Raises
    ------
    EquipoiseError
        If the data cannot be read, or no plan fits them.
    """
    guesses: list[Guess] = []
    if source.endswith((".yaml", ".yml")):
        config = load_config(Path(source), options=options, overrides=overrides)
    else:
        config, guesses = guessed_config(source, options, overrides)
    records = load_records(config, cache)
    train, held_out = records.where(split="train"), records.where(split="validation")
    tasks = infer_tasks(train, task_options(config))
    advice = advise(
        census_of(train, tasks),
        probabilities=probabilities,
        draws=draws or config.plan.draws,
        model=model or config.model.name,
        validation=census_of(held_out, tasks) if len(held_out) else None,
        characters=_characters(train),
    )
    return AdviceOnData(advice, tuple(guesses), model or config.model.name)


def _characters(train: Records) -> float:
    """Return the characters of an input, on average, of the first rows."""
    coded = train.take(range(min(len(train), _SAMPLE))).coded("input")
    return float(pc.mean(pc.utf8_length(coded.names.take(pa.array(coded.codes)))).as_py())
