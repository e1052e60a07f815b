"""Numbers at the ends of a float64 make a plan or an error with a code, never a foreign one and never a warning."""

import pytest

from equipoise import Census, Plan, rates, weights
from equipoise.errors import PlanError

LARGE, SMALL = 1.7e308, 5e-324


def table(value: float, other: float) -> dict[str, dict[str, float]]:
    return {task: {"x": value, "y": other} for task in "ab"}


def costs(value: float, other: float) -> dict[str, dict[str, dict[str, float]]]:
    return {task: {"x": {"x": 0, "y": value}, "y": {"x": other, "y": 0}} for task in "ab"}


MAKE = {
    "fixed": lambda v, o: {"rates": rates.Fixed({"a": v, "b": o})},
    "temperature": lambda v, _: {"rates": rates.Temperature(v)},
    "proportional": lambda v, _: {"rates": rates.Proportional(maximum=v)},
    "unimax": lambda v, _: {"rates": rates.UniMax(v), "draws": 100},
    "max_passes": lambda v, _: {"max_passes": v, "draws": 100},
    "table": lambda v, o: {"weights": weights.Table(table(v, o))},
    "shares": lambda v, o: {"weights": weights.Shares(table(v, o))},
    "costs": lambda v, o: {"weights": weights.CostMatrix(costs(v, o))},
    "target": lambda v, o: {"target_weights": weights.Table(table(v, o))},
    "power": lambda v, _: {"weights": weights.Power(v)},
    "clipped": lambda v, _: {"weights": weights.InverseFrequency().clipped(max_ratio=v)},
    "repeat factor": lambda v, _: {"weights": weights.RepeatFactor(v)},
    "log": lambda v, _: {"weights": weights.Log(v)},
    "effective number": lambda v, _: {"weights": weights.EffectiveNumber(v)},
    "instance-aware": lambda v, _: {"weights": weights.InstanceAware(v)},
}


@pytest.mark.parametrize(("value", "other"), [(LARGE, LARGE), (LARGE, SMALL), (SMALL, SMALL), (1e200, 1e200)])
@pytest.mark.parametrize("name", MAKE)
def test_extremes_are_planned_or_refused(name: str, value: float, other: float) -> None:
    census = Census.from_labels(["a"] * 6 + ["b"] * 4, ["x", "y", "y", "y", "x", "y", "x", "x", "x", "y"])
    try:
        plan = Plan.build(census, **MAKE[name](value, other))
    except PlanError as error:
        assert error.code  # noqa: PT017 - either outcome is right
        return
    assert plan.probabilities.sum() == pytest.approx(1)


def test_rates_and_shares_whose_sum_overflows_are_refused_by_their_sum() -> None:
    with pytest.raises(PlanError, match="must sum to 1, found inf"):
        rates.Fixed({"a": LARGE, "b": LARGE})
    with pytest.raises(PlanError, match="must sum to 1, found inf"):
        weights.Shares(table(LARGE, LARGE))
