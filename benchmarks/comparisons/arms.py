"""Run arms in processes of their own, in turn, so that a noisy moment of the machine hits all of them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

REPEATS = 5
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_QUIET = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "PYTHONWARNINGS": "ignore"}

Result = dict[str, Any]


@dataclass(frozen=True)
class Arm:
    """A function of a module of this package, and what it is called with."""

    module: str
    function: str
    options: Mapping[str, Any] = field(default_factory=dict)


class Worker:
    """A process that calls arms one after another."""

    def __init__(self) -> None:
        paths = (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "comparisons.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **_ONE_THREAD, **_QUIET, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def call(self, arm: Arm) -> Result:
        """Call one, and wait for what it returns."""
        assert self._process.stdin
        assert self._process.stdout
        request = {"module": arm.module, "function": arm.function, "options": dict(arm.options)}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{arm} ended its process with status {self._process.wait()}.")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{arm} failed:\n{answer['error']}")
        return answer["result"]


def alone(arm: Arm) -> Result:
    """Run one arm once, in a fresh process."""
    with Worker() as worker:
        return worker.call(arm)


class Pool:
    """A process for each name of an arm, kept until the end."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._workers: dict[str, Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def in_turn(self, arms: Mapping[str, Arm], repeats: int = REPEATS) -> dict[str, list[Result]]:
        """Run A B A B ..., each arm `repeats` times."""
        for name in arms.keys() - self._workers:
            self._workers[name] = self._open.enter_context(Worker())
        return take_turns(repeats, {name: partial(self._workers[name].call, arm) for name, arm in arms.items()})


def in_fresh_turn(arms: Mapping[str, Arm], repeats: int = REPEATS) -> dict[str, list[Result]]:
    """Run A B A B ..., each arm `repeats` times, in a new process each time."""
    return take_turns(repeats, {name: partial(alone, arm) for name, arm in arms.items()})


def take_turns(repeats: int, calls: Mapping[str, Callable[[], Result]]) -> dict[str, list[Result]]:
    """Call A B A B ..., each `repeats` times."""
    results: dict[str, list[Result]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            results[name].append(call())
    return results
