"""Mixing rates of the tasks: one scheme a file, its formula and paper in the first line."""

from equipoise.base.schemes import class_named
from equipoise.rates.base import Rates
from equipoise.rates.equal import Equal
from equipoise.rates.fixed import Fixed
from equipoise.rates.proportional import Proportional
from equipoise.rates.temperature import Temperature
from equipoise.rates.unimax import UniMax

__all__ = ["Equal", "Fixed", "Proportional", "Rates", "Temperature", "UniMax"]


def __getattr__(name: str) -> type[Rates]:
    """Return the scheme of any further file of this package."""
    return class_named(Rates, name)
