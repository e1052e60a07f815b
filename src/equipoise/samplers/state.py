"""What a sampler's state must look like."""

from collections.abc import Mapping
from typing import Any

from equipoise.drawing.apportion import LENGTH
from equipoise.drawing.batch_kinds import from_dict
from equipoise.errors import ConfigError, StateError
from equipoise.plan import Plan

VERSION = 1  # of the state and of the stream that it is a place in


def checked_plan(state: Mapping[str, Any]) -> Plan:
    """Raise StateError unless the state is one that `PlanSampler.state_dict` can have made; return its plan."""
    expected = {
        "version", "position", "seed", "draws_per_epoch", "replacement", "batches", "plan", "index", "origin", "used",
    }  # fmt: skip
    check_keys(state, expected, "PlanSampler")
    if not isinstance(state["plan"], str):
        raise StateError(f"`plan` in the state must be a plan's JSON, found {type(state['plan']).__name__}.")
    plan = Plan.from_json(state["plan"])
    used, seed = state["used"], state["seed"]
    for name in ("position", "origin", "draws_per_epoch"):
        if not _is_whole(state[name]) or state[name] > LENGTH:
            raise StateError(f"`{name}` in the state must be a whole number to 2**59, found {state[name]!r:.80}.")
    if used is not None and not (
        isinstance(used, list)
        and len(used) == len(plan.strata)
        and all(_is_whole(value) and value <= LENGTH for value in used)
    ):
        raise StateError(f"`used` in the state must be null or {len(plan.strata)} whole numbers, found {used!r:.80}.")
    if not isinstance(seed, int) or not isinstance(state["replacement"], bool):
        raise StateError(
            f"`seed` in the state must be a whole number and `replacement` true or false, found {seed!r:.80} and "
            f"{state['replacement']!r:.80}."
        )
    _check_batches(state["batches"])
    if state["origin"] > state["position"]:
        raise StateError(f"`origin` in the state, {state['origin']}, lies behind `position`, {state['position']}.")
    return plan


def check_keys(state: Mapping[str, Any], expected: set[str], name: str) -> None:
    """Raise StateError unless the state has these keys and this version."""
    if set(state) != expected:
        missing, unknown = sorted(expected - set(state)), sorted(map(str, set(state) - expected))
        raise StateError(
            f"The state is not one of {name}: missing keys {missing}, unknown keys {unknown}. "
            "Pass what `state_dict` returned."
        )
    if state["version"] != VERSION:
        raise StateError(
            f"The state has version {state['version']!r:.80} and this Equipoise reads version {VERSION}. "
            "Resume with the Equipoise that wrote it."
        )


def check_divides(position: int, world_size: int) -> None:
    """Raise StateError unless the position can be split over the ranks."""
    if position % world_size:
        raise StateError(
            f"Position {position} of the state is no multiple of the {world_size} ranks. "
            "Resume on a number of ranks that divides the global batch."
        )


def check_accepted(differences: list[str], accept_changes: bool) -> None:
    """Raise StateError if a state differs from the sampler that loads it, unless the change is meant."""
    if differences and not accept_changes:
        raise StateError(
            "The state belongs to another run: " + "; ".join(differences) + ". Build the sampler as it was, "
            "or pass accept_changes=True if the change is meant."
        )


def _check_batches(values: object) -> None:
    try:
        from_dict(values if isinstance(values, dict) else {"": values})
    except ConfigError as error:
        raise StateError(f"`batches` in the state: {error}") from error


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_KEYS = {"version", "position", "seed", "num_samples", "replacement", "weights"}


def checked_position(state: Mapping[str, Any], world_size: int) -> int:
    """Position of a state that `WeightedSampler.state_dict` can have made; StateError if it is none."""
    check_keys(state, _KEYS, "WeightedSampler")
    position = state["position"]
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position <= LENGTH:
        raise StateError(f"`position` in the state must be a whole number to 2**59, found {position!r:.80}.")
    check_divides(position, world_size)
    return position
