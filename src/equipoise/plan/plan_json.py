"""The JSON form of a plan, and its fingerprint."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.base.plain_json import parse_json
from equipoise.census import Stratum
from equipoise.errors import PlanError

VERSION = 1
_TEXTS = ("rates_text", "weights_text")
_KEYS = ("version", "fingerprint", "draws", *_TEXTS, "strata")
_CELL = ("task", "label", "count", "mass", "target_mass")


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
    head = {
        "version": VERSION,
        "fingerprint": fingerprint(cells),
        "draws": draws,
        "rates_text": rates_text,
        "weights_text": weights_text,
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    strata = ",\n".join(f"    {json.dumps(cell)}" for cell in cells)
    return "\n".join(["{", *lines, '  "strata": [', strata, "  ]", "}", ""])


def parse(text: str) -> tuple[dict[str, Any], str]:
    """Return the fields of a plan and the stored fingerprint.

    Raises
    ------
    PlanError
        If it is not JSON, has another version, or a key is missing, unknown or of a wrong type.
    """
    values = parse_json(text, lambda why: PlanError("not-json", f"a plan must be JSON: {why}."))
    if not isinstance(values, dict) or values.get("version") != VERSION:
        found = values.get("version") if isinstance(values, dict) else type(values).__name__
        raise PlanError(
            "other-version", f"`version` of a plan must be {VERSION}, found {found!r:.80}. Build the plan again."
        )
    _check_keys(values, _KEYS, "a plan")
    _check_type(values, "fingerprint", str)
    _check_type(values, "draws", int, type(None))
    for key in _TEXTS:
        _check_type(values, key, str)
    _check_type(values, "strata", list)
    for cell in values["strata"]:
        if not isinstance(cell, dict):
            raise PlanError("wrong-type", f"a stratum of a plan must be an object, found {cell!r:.80}.")
        _check_keys(cell, _CELL, "a stratum of a plan")
        _check_type(cell, "task", str)
        _check_type(cell, "label", str, type(None))
        for key in _CELL[2:]:
            _check_type(cell, key, int)
            if not 0 <= cell[key] < 2**63:
                raise PlanError("out-of-range", f"`{key}` of a plan must be in [0, 2**63), found {cell[key]}.")
    cells = values["strata"]
    fields = {key: values[key] for key in ("draws", *_TEXTS)}
    fields["strata"] = tuple(Stratum(cell["task"], cell["label"]) for cell in cells)
    fields["counts"] = [cell["count"] for cell in cells]
    fields["masses"] = [cell["mass"] for cell in cells]
    fields["target_masses"] = [cell["target_mass"] for cell in cells]
    return fields, values["fingerprint"]


def _check_keys(values: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    if set(values) != set(keys):
        raise PlanError(
            "wrong-keys",
            f"{where} must have the keys {', '.join(keys)}; missing {sorted(set(keys) - set(values))},"
            f" unknown {sorted(set(values) - set(keys))}.",
        )


def _check_type(values: dict[str, Any], key: str, *types: type) -> None:
    if not isinstance(values[key], types) or isinstance(values[key], bool):
        names = " or ".join("null" if each is type(None) else each.__name__ for each in types)
        raise PlanError("wrong-type", f"`{key}` of a plan must be {names}, found {values[key]!r:.80}.")
