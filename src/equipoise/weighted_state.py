"""What a state of `WeightedSampler` must look like."""

from collections.abc import Mapping
from typing import Any

from equipoise.drawing.apportion import LENGTH
from equipoise.errors import StateError
from equipoise.sampler_state import check_divides, check_keys

_KEYS = {"version", "position", "seed", "num_samples", "replacement", "weights"}


def checked_position(state: Mapping[str, Any], world_size: int) -> int:
    """Position of a state that `WeightedSampler.state_dict` can have made; StateError if it is none."""
    check_keys(state, _KEYS, "WeightedSampler")
    position = state["position"]
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position <= LENGTH:
        raise StateError(f"`position` in the state must be a whole number to 2**59, found {position!r:.80}.")
    check_divides(position, world_size)
    return position
