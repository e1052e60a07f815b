"""The JSON form of a schedule: its strata once, and the masses of each stage."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from equipoise.base.codec import from_plain
from equipoise.base.plain_json import parse_json
from equipoise.census import Stratum
from equipoise.errors import PlanError
from equipoise.plan import Plan, Stage

VERSION: Final = 1


@dataclass(frozen=True)
class _StageValues:
    """`target_masses` is None where the target is what is drawn."""

    at: int
    draws: int | None
    rates_text: str
    weights_text: str
    masses: list[int]
    target_masses: list[int] | None


@dataclass(frozen=True)
class _Values:
    version: int
    fingerprint: str
    strata: list[tuple[str, str | None]]
    counts: list[int]
    stages: list[_StageValues]


def fingerprint(stages: Sequence[Stage]) -> str:
    """Return the SHA-256, in hex, of all that determines the draws; of a single stage, that of its plan."""
    if len(stages) == 1:
        return stages[0].plan.fingerprint
    text = ";".join(f"{at}:{plan.fingerprint}" for at, plan in stages)
    return hashlib.sha256(f"schedule {VERSION};{text}".encode("ascii")).hexdigest()


def to_json(stages: Sequence[Stage], fingerprint: str) -> str:
    """Return a schedule as a JSON string, one stage per line."""
    plan = stages[0].plan
    head = {
        "version": VERSION,
        "fingerprint": fingerprint,
        "strata": [list(stratum) for stratum in plan.strata],
        "counts": plan.counts.tolist(),
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    each = ",\n".join(f"    {json.dumps(asdict(_values(stage)))}" for stage in stages)
    return "\n".join(["{", *lines, '  "stages": [', each, "  ]", "}", ""])


def _values(stage: Stage) -> _StageValues:
    at, plan = stage
    same = np.array_equal(plan.masses, plan.target_masses)
    target = None if same else plan.target_masses.tolist()
    return _StageValues(at, plan.draws, plan.rates_text, plan.weights_text, plan.masses.tolist(), target)


def is_schedule(text: str) -> bool:
    """Return whether a JSON text is of a schedule, not of a plan."""
    values = parse_json(text, lambda why: PlanError("not-json", f"a plan or a schedule must be JSON: {why}."))
    return isinstance(values, dict) and "stages" in values


def parse(text: str) -> tuple[list[Stage], str]:
    """Return the stages of a schedule, and the stored fingerprint.

    Raises
    ------
    PlanError
        If it is not JSON, has another version, or a key is missing, unknown or of a wrong type.
    """
    values: Any = parse_json(text, lambda why: PlanError("not-json", f"a schedule must be JSON: {why}."))
    version = values.get("version") if isinstance(values, dict) else type(values).__name__
    if version != VERSION:
        message = f"`version` of a schedule must be {VERSION}, found {version!r:.80}. Build the schedule again."
        raise PlanError("other-version", message)
    found = from_plain(_Values, values, lambda why: PlanError("damaged-schedule", f"this is not a schedule: {why}"))
    strata = tuple(Stratum(*stratum) for stratum in found.strata)
    try:
        return [
            Stage(
                each.at,
                Plan(
                    strata,
                    np.array(found.counts, dtype=np.int64),
                    np.array(each.masses, dtype=np.int64),
                    np.array(each.masses if each.target_masses is None else each.target_masses, dtype=np.int64),
                    each.draws,
                    each.rates_text,
                    each.weights_text,
                ),
            )
            for each in found.stages
        ], found.fingerprint
    except OverflowError:
        raise PlanError("damaged-schedule", "this is not a schedule: an integer is beyond 64 bits.") from None
