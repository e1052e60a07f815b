"""Mixing rates of the tasks: one scheme a file, its formula and paper in the first line."""

from collections.abc import Mapping
from typing import Any

from equipoise.base.schemes import scheme_from_dict
from equipoise.rates.base import Rates
from equipoise.rates.equal import Equal
from equipoise.rates.fixed import Fixed
from equipoise.rates.proportional import Proportional
from equipoise.rates.temperature import Temperature
from equipoise.rates.unimax import UniMax

__all__ = ["Equal", "Fixed", "Proportional", "Rates", "Temperature", "UniMax", "rates_from_dict"]


def rates_from_dict(values: Mapping[str, Any]) -> Rates:
    """Make a scheme of what its `to_dict` gave, as {"scheme": "Temperature", "temperature": 2}.

    Parameters
    ----------
    values : mapping
        The scheme's name under "scheme", and its options.

    Returns
    -------
    Rates

    Raises
    ------
    PlanError
        If the scheme or an option is unknown, missing or out of its range.

    Examples
    --------
    >>> rates_from_dict({"scheme": "Proportional", "maximum": 1000})
    Proportional(maximum=1000, scale=1.0)
    """
    known: dict[str, type[Rates]] = {
        "Proportional": Proportional,
        "Equal": Equal,
        "Temperature": Temperature,
        "UniMax": UniMax,
        "Fixed": Fixed,
    }
    return scheme_from_dict(values, known, "mixing rates")
