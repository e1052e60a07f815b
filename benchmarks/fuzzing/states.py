"""Plans, calibrations, tasks and the states of samplers and checkpoints: JSON, with valid texts to break."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from equipoise import (
    Census,
    LengthSorted,
    Plan,
    PlanSampler,
    StratumIndex,
    TokenBatches,
    WeightedSampler,
    rates,
    weights,
)
from equipoise.base.plain_json import parse_json
from equipoise.calibration import Calibration, Provenance, TaskCalibration
from equipoise.data import Task
from equipoise.drawing import OneTask, Quota
from equipoise.errors import StateError
from equipoise.losses.tasks import task_weighting
from equipoise.trainer.checkpoints.position import FILE_NAME, FORMAT, StreamPosition

COUNTS = {"large": {"no": 95, "yes": 5}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}}
TASKS = {
    "mood": Task("mood", "classification", ("glad", "sad"), "{task}? {input}", {"sad": "unhappy"}),
    "essay": Task("essay", "open_ended"),
}
METHODS: tuple[Any, ...] = ("famo", "dwa", "uncertainty", "rlw", {"name": "fixed", "weights": {"a": 1, "b": 2}})


def as_json(value: Any) -> bytes:
    """What a file of it holds."""
    return json.dumps(value).encode()


def text_of(data: bytes) -> str:
    """Text of any bytes; files are decoded by `read_text`, which checkpoints cover."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def plan() -> Plan:
    return Plan.build(Census.from_counts(COUNTS), rates=rates.Equal(), weights=weights.Power(0.5), draws=4096)


def read_plan(data: bytes) -> None:
    read = Plan.from_json(text_of(data))
    assert Plan.from_json(read.to_json()) == read
    if read.draws:
        read.forecast()


def read_census(data: bytes) -> None:
    census = Census.from_dict(parse_json(text_of(data), partial(StateError, "not-json")))
    assert Census.from_dict(census.to_dict()) == census


def read_task(data: bytes) -> None:
    task = Task.from_dict(parse_json(text_of(data), partial(StateError, "not-json")))
    task.render("text {x}")
    assert Task.from_dict(task.to_dict()) == task


def calibration() -> Calibration:
    even = np.array([0.5, 0.5])
    one = TaskCalibration(("no", "yes"), even, np.array([0.9, 0.1]), temperature=1.5, tau=0.25, costs=np.eye(2))
    return Calibration(Provenance("plan", "model"), "natural", 200, {"tone": one})


def read_calibration(data: bytes) -> None:
    Calibration.from_json(text_of(data)).fingerprint  # noqa: B018


def read_signed_calibration(data: bytes) -> None:
    """The same, with the fingerprint that fits: what a program that knows the format could write."""
    values = parse_json(text_of(data), partial(StateError, "not-json"))
    if isinstance(values, dict):
        values.pop("fingerprint", None)
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        values["fingerprint"] = hashlib.sha256(canonical.encode()).hexdigest()
    read_calibration(as_json(values))


def read_position(folder: Path):
    def read(data: bytes) -> None:
        (folder / FILE_NAME).write_bytes(data)
        position = StreamPosition.read(folder)
        assert position.epoch >= 0

    return read


def position() -> bytes:
    head = {"format": FORMAT, "equipoise": "0.1.0"}
    place = {"step": 3, "global_batch": 16, "draws_per_epoch": 160, "examples": 90, "sampler": {"seed": 1}}
    return as_json(head | place)


def samplers() -> dict[str, Any]:
    """One of each kind, each in the middle of an epoch."""
    drawn = plan()
    index = StratumIndex.from_sizes(drawn)
    lengths = np.arange(len(index)) % 50 + 1
    return {
        "plan sampler": PlanSampler(drawn, index, draws_per_epoch=512),
        "plan sampler, quota": PlanSampler(drawn, index, draws_per_epoch=512, batches=Quota(16)),
        "plan sampler, one task": PlanSampler(drawn, index, draws_per_epoch=512, batches=OneTask(16)),
        "plan sampler, independent": PlanSampler(drawn, index, draws_per_epoch=512, replacement=True),
        "weighted sampler": WeightedSampler([8.0, 1, 1, 1, 1], 512),
        "length sorted": LengthSorted(PlanSampler(drawn, index, draws_per_epoch=512), lengths, 16, 4),
        "token batches": TokenBatches(PlanSampler(drawn, index, draws_per_epoch=512), lengths, 200, window=64),
    }


def reading_state(sampler: Any):
    """Give what loads a state into a sampler: as it is, and with changes accepted; then a few rows are drawn."""
    start = sampler.state_dict()

    def read(data: bytes) -> None:
        state = parse_json(text_of(data), partial(StateError, "not-json"))
        if not isinstance(state, dict):
            raise StateError("not-a-state", "a state is an object")  # samplers are given mappings
        try:
            sampler.load_state_dict(state, accept_changes=len(data) % 2 == 0)
            assert sampler.state_dict()["version" if "version" in start else "sampler"]
            for _ in zip(range(3), sampler, strict=False):
                pass
        finally:
            sampler.load_state_dict(start, accept_changes=True)

    return read


def states_of(sampler: Any) -> list[bytes]:
    """At the start, and where another plan took over."""
    first = as_json(sampler.state_dict())
    for _ in zip(range(7), sampler, strict=False):
        pass
    later = as_json(sampler.state_dict())
    sampler.load_state_dict(json.loads(first))
    return [first, later]


def weighing(chosen: Any):
    """Give what loads a state into a weighting of two tasks, and a state of it that has seen three steps."""
    method = task_weighting(chosen, ["a", "b"], seed=1, steps_per_epoch=2)
    weight_sums = np.ones(2)
    for step in range(3):
        method.weights(step, weight_sums, np.array([1.0, 2.0 + step]))
        if method.needs_losses:
            method.after_step(np.array([0.9, 2.0]))
        if method.follows_losses:
            method.update(np.array([1.0, 2.0]), weight_sums)
    state = as_json(method.state_dict())

    def read(data: bytes) -> None:
        value = parse_json(text_of(data), partial(StateError, "not-json"))
        if not isinstance(value, dict):
            raise StateError("not-a-state", "a state is an object")
        method.load_state_dict(value)
        with np.errstate(all="ignore"):
            assert len(method.weights(3, weight_sums, np.array([1.0, 1.0]))) == 2

    return read, state
