"""The bundled suite: public diagnosis tables as text-to-text tasks, and the T5 tokenizer that reads them.

Nothing here is downloaded. `scripts/build_multi_diagnosis.py` rebuilds the files from the raw tables.
"""

import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from equipoise.base.problems import Problem
from equipoise.base.registry import suggest
from equipoise.data.records import Records
from equipoise.data.tasks import TaskOptions
from equipoise.errors import DataError

_BUNDLED = "_bundled"
_FOLDERS = {"multi-diagnosis": "multi_diagnosis"}
TEXTS = ("binned", "numbers")
_EXPLAINED = {"conflicting-targets", "duplicates-across-splits", "label-not-measured"}
_NOTES = {
    "multi-diagnosis": "multi-diagnosis: {twins} of the 2,102 test patients have the same text as a training patient."
    " Leaving them out lowers the macro-F1 of linear models by 0.001 to 0.005. The label hypothyroid of"
    " thyroid_hypo has one row, in train, and is not measured."
}
_TWINS = {"binned": 54, "numbers": 3}


def suites() -> tuple[str, ...]:
    """Return the names of the bundled suites.

    Examples
    --------
    >>> suites()
    ('multi-diagnosis',)
    """
    return tuple(_FOLDERS)


def load_suite(name: str, text: str = "binned") -> Records:
    """Read a bundled suite: every task, with its groups (patients) and its splits.

    Parameters
    ----------
    name : str
        One of `suites()`.
    text : {"binned", "numbers"}
        "binned" writes each laboratory number as the number of its quantile bin, cut on training rows
        only, in words that are short in tokens. "numbers" writes the numbers themselves.

    Returns
    -------
    Records
        The rows, with the columns `group` and `split`.

    Raises
    ------
    DataError
        If there is no such suite or no such form of text.

    Examples
    --------
    >>> records = load_suite("multi-diagnosis")
    >>> len(records), len(records.tasks)
    (56310, 8)
    >>> load_suite("multi-diagnosis", text="numbers").column("input")[0].as_py()
    'age 29, sex female, query hypothyroid; TSH 0.3; referred other'
    """
    folder = _folder(name)
    if text not in TEXTS:
        raise DataError("unknown-text", f"`text` must be {_listed(TEXTS)}, found {text!r}.")
    return Records(pq.read_table(folder / f"{text}.parquet"))


def suite_tasks(name: str) -> dict[str, TaskOptions]:
    """Return the prompt and the short target texts of each task of a suite, for `infer_tasks`.

    Raises
    ------
    DataError
        If there is no such suite.

    Examples
    --------
    >>> suite_tasks("multi-diagnosis")["thyroid_replacement"].verbalisers["overreplaced"]
    'over'
    """
    written: dict[str, Any] = json.loads((_folder(name) / "tasks.json").read_text(encoding="utf-8"))
    return {task: TaskOptions(kind="classification", **options) for task, options in written.items()}


def explain_problems(name: str, text: str, problems: Iterable[Problem]) -> list[Problem]:
    """Replace the warnings about the rows of a suite, which its user cannot mend, by one note that explains them.

    `equipoise inspect` shows the warnings.

    Examples
    --------
    >>> odd = Problem("warning", "duplicates-across-splits", "Inputs of a task in more than one split.")
    >>> print(*explain_problems("multi-diagnosis", "numbers", [odd]))
    note (known-in-suite): multi-diagnosis: 3 of the 2,102 test patients have the same text as a training patient.
    Leaving them out lowers the macro-F1 of linear models by 0.001 to 0.005. The label hypothyroid of thyroid_hypo
    has one row, in train, and is not measured.
    """
    others = [problem for problem in problems if problem.code not in _EXPLAINED]
    return [*others, Problem("note", "known-in-suite", _NOTES[name].format(twins=_TWINS[text]))]


def tokenizer_path() -> Path:
    """Return the folder of the T5 tokenizer, for `AutoTokenizer.from_pretrained`; no network is needed.

    Examples
    --------
    >>> sorted(file.name for file in tokenizer_path().glob("*.json"))
    ['special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json']
    """
    return _bundled_folder() / "t5_tokenizer"


def _folder(name: str) -> Path:
    if name not in _FOLDERS:
        sentence = f"There is no bundled suite {name!r}.{suggest(name, suites())} Known: {_listed(suites())}."
        raise DataError("unknown-suite", sentence)
    return _bundled_folder() / _FOLDERS[name]


def _bundled_folder() -> Path:
    folder = resources.files("equipoise.data") / _BUNDLED
    if not isinstance(folder, Path):
        sentence = f"The bundled data must be in a folder, found {folder}."
        raise DataError("zipped-package", f"{sentence} Install equipoise unpacked, not in a zip.")
    return folder


def _listed(names: tuple[str, ...]) -> str:
    return " or ".join(f'"{name}"' for name in names)
