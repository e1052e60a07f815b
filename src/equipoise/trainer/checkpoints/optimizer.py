"""What the Trainer has loaded of an optimiser and a schedule: it must fit the parameters and the step."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from equipoise.errors import StateError

_MEANS = frozenset({"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer"})
_WITHOUT = {"exp_avg_sq_row": -1, "exp_avg_sq_col": -2}
"""The dimension of a parameter over which Adafactor takes the mean."""
_KNOWN = ("torch.optim.", "transformers.")


def check_schedule(scheduler: Any, step: int, *, may_skip: bool) -> int:
    """Return how many steps a schedule of the learning rate has counted; it must be those of the run.

    Parameters
    ----------
    scheduler : object
        One that does not follow the steps, or has rules of its own, is not checked.
    step : int
        Optimiser steps done.
    may_skip : bool
        Whether steps whose gradients overflow are skipped, as with float16.

    Raises
    ------
    StateError
        If it is at another step.

    Examples
    --------
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))])
    >>> check_schedule(LambdaLR(optimizer, lambda step: 1.0), 2, may_skip=False)
    Traceback (most recent call last):
        ...
    equipoise.errors.StateError: the schedule of the learning rate is at step 0, and the run at step 2.
    """
    if not isinstance(scheduler, LambdaLR):  # what transformers makes, except those that follow a metric
        return step
    done: object = scheduler.last_epoch
    if type(done) is not int or not (done == step or (may_skip and 0 <= done < step)):
        found = f"{done!r:.80}"
        raise _damaged(f"the schedule of the learning rate is at step {found}, and the run at step {step}.")
    return done


def check_optimizer(optimizer: Any, steps: int, *, all_trained: bool) -> None:
    """Check that the state of an optimiser fits its parameters and the steps that it has done.

    Parameters
    ----------
    optimizer : object
        One of torch or transformers, also as accelerate wraps it; those of other packages are not checked.
    steps : int
        Optimiser steps done.
    all_trained : bool
        Whether every step trains the same parameters. Otherwise no parameter may have had as many steps.

    Raises
    ------
    StateError
        If a moment has another shape than its parameter, or is NaN and the parameter is not; or if parameters have
        had more steps, or all fewer.

    Examples
    --------
    >>> parameter = torch.nn.Parameter(torch.ones(3))
    >>> optimizer = torch.optim.AdamW([parameter])
    >>> parameter.sum().backward()
    >>> optimizer.step()
    >>> check_optimizer(optimizer, 1, all_trained=True)
    >>> check_optimizer(optimizer, 2, all_trained=True)
    Traceback (most recent call last):
        ...
    equipoise.errors.StateError: the parameters have had up to 1 steps, and the run 2.
    """
    inner = getattr(optimizer, "optimizer", optimizer)
    if not type(inner).__module__.startswith(_KNOWN):
        return
    counts = [_count(parameter, state) for parameter, state in _states(inner)]
    most = max((each for each in counts if each is not None), default=None)
    if most is not None and (most > steps or (all_trained and most < steps)):
        raise _damaged(f"the parameters have had up to {most:g} steps, and the run {steps}.")


def _states(optimizer: Any) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter in optimizer.state:
                yield parameter, optimizer.state[parameter]


def _count(parameter: Tensor, state: dict[str, Any]) -> float | None:
    """Return the number of steps of a parameter, None if its optimiser counts none, once its moments fit."""
    shape = list(parameter.shape)
    for name, value in state.items():
        expected = list(shape)
        if name in _WITHOUT and len(shape) > 1:
            del expected[_WITHOUT[name]]
        elif name not in _MEANS:
            continue
        if value is None:  # SGD without momentum
            continue
        found = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        if found != expected:
            raise _damaged(f"`{name}` of a parameter of shape {shape} must have shape {expected}, found {found}.")
        if bool(torch.isnan(value).any()) and bool(torch.isfinite(parameter).all()):
            raise _damaged(f"`{name}` of a parameter of shape {shape} is NaN, and the parameter is not.")
    counted = state.get("step")
    if counted is None:
        return None
    number = counted.item() if isinstance(counted, Tensor) and counted.numel() == 1 else counted
    if not isinstance(number, int | float) or not number >= 0:
        raise _damaged(f"`step` of a parameter of shape {shape} must be a number of steps, found {number!r:.80}.")
    return number


def _damaged(why: str) -> StateError:
    return StateError("damaged-state", why)
