"""A census, rates and weights resolved to numbers, and the forecast of what these will do."""

from equipoise.plan.difference import difference
from equipoise.plan.forecast import Forecast
from equipoise.plan.plan import Plan, Stage

__all__ = ["Forecast", "Plan", "Stage", "difference"]
