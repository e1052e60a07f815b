"""The JSON form of a plan, and its fingerprint."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from equipoise.base.codec import from_plain
from equipoise.base.plain_json import parse_json
from equipoise.census import Stratum
from equipoise.errors import PlanError

VERSION: Final = 1
_CELL: Final[Mapping[str, tuple[type, ...]]] = {
    "task": (str,),
    "label": (str, NoneType),
    "count": (int,),
    "mass": (int,),
    "target_mass": (int,),
}


@dataclass(frozen=True)
class _PlanValues:
    version: int
    fingerprint: str
    draws: int | None
    rates_text: str
    weights_text: str
    strata: list[Any]


def cells_of(strata: Sequence[Stratum], *columns: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """Return each stratum with its count, mass and target mass, as JSON values."""
    lists = (column.tolist() for column in columns)
    return [
        dict(zip(_CELL, (*stratum, *numbers), strict=True)) for stratum, *numbers in zip(strata, *lists, strict=True)
    ]


def fingerprint(cells: list[dict[str, Any]]) -> str:
    """Return the SHA-256, in hex, of all that determines the draws and their weights, and of the format version."""
    decisive = {"version": VERSION, "strata": cells}
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def to_json(cells: list[dict[str, Any]], draws: int | None, rates_text: str, weights_text: str) -> str:
    """Return a plan as a JSON string, one stratum per line."""
    values = _PlanValues(VERSION, fingerprint(cells), draws, rates_text, weights_text, cells)
    *head, _strata = vars(values).items()
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head]
    strata = ",\n".join(f"    {json.dumps(cell)}" for cell in cells)
    return "\n".join(["{", *lines, '  "strata": [', strata, "  ]", "}", ""])


def parse(text: str) -> tuple[tuple[Any, ...], str]:
    """Return the fields of a plan, in their order, and the stored fingerprint.

    Raises
    ------
    PlanError
        If it is not JSON, has another version, or a key is missing, unknown or of a wrong type.
    """
    values = parse_json(text, lambda why: PlanError("not-json", f"a plan must be JSON: {why}."))
    version = values.get("version") if isinstance(values, dict) else type(values).__name__
    if version != VERSION:
        message = f"`version` of a plan must be {VERSION}, found {version!r:.80}. Build the plan again."
        raise PlanError("other-version", message)
    plan = from_plain(_PlanValues, values, lambda why: PlanError("damaged-plan", f"this is not a plan: {why}"))
    for cell in plan.strata:
        _check_cell(cell)
    tasks, labels, *numbers = ([cell[key] for cell in plan.strata] for key in _CELL)
    strata = tuple(map(Stratum, tasks, labels))
    return (strata, *numbers, plan.draws, plan.rates_text, plan.weights_text), plan.fingerprint


def check_unchanged(what: str, computed: str, written: str) -> None:
    """Raise a PlanError if the fingerprint of a plan or of a schedule is not the one that was written with it."""
    if computed != written:
        raise PlanError(
            f"changed-{what}",
            f"`fingerprint` must be {computed}, found {written}: the {what} was changed after it was written. Build it"
            " again instead of editing it.",
        )


def _check_cell(cell: Any) -> None:
    if not isinstance(cell, dict) or cell.keys() != _CELL.keys():
        message = f"a stratum of a plan must have the keys {', '.join(_CELL)}, found {cell!r:.200}."
        raise PlanError("damaged-plan", message)
    for key, types in _CELL.items():
        value = cell[key]
        if type(value) not in types or (types == (int,) and not 0 <= value < 2**63):
            expected = "an integer in [0, 2**63)" if types == (int,) else "a string" + " or null" * (len(types) - 1)
            raise PlanError("damaged-plan", f"`{key}` of a stratum must be {expected}, found {value!r:.80}.")
