"""What a sampler's state must look like."""

from collections.abc import Mapping
from typing import Any, Final

from equipoise.base.states import check_state
from equipoise.drawing.apportion import LENGTH
from equipoise.drawing.batches import make
from equipoise.errors import ConfigError, StateError
from equipoise.plan import Plan

VERSION: Final = 1
"""Of the state, and of the stream that it is a position in."""
POSITION: Final = range(LENGTH + 1)
_FIELDS: Final = {
    "position": POSITION,
    "seed": int,
    "draws_per_epoch": POSITION,
    "replacement": bool,
    "batches": dict[str, Any],
    "plan": str,
    "index": str,
    "origin": POSITION,
    "used": list[POSITION] | None,
}


def checked_plan(state: Mapping[str, Any]) -> Plan:
    """Return the plan in a state; StateError unless `PlanSampler.state_dict` can have returned the state."""
    check_state(state, "PlanSampler", _FIELDS, VERSION)
    plan = Plan.from_json(state["plan"])
    used = state["used"]
    if used is not None and len(used) != len(plan.strata):
        raise StateError(
            "damaged-state",
            f"`used` in the state must be null or {len(plan.strata)} integers, found {len(used)}.",
        )
    try:
        make(state["batches"])
    except ConfigError as error:
        raise StateError("damaged-state", f"`batches` in the state: {error}") from error
    if state["origin"] > state["position"]:
        raise StateError(
            "damaged-state",
            f"`origin` in the state must be at most `position`, {state['position']}, found {state['origin']}.",
        )
    return plan


def check_divides(position: int, world_size: int) -> None:
    """Raise StateError unless the position can be split over the ranks."""
    if position % world_size:
        raise StateError(
            "not-a-multiple",
            f"Position {position} of the state is not a multiple of the {world_size} ranks. "
            "Resume on a number of ranks that divides the global batch.",
        )
