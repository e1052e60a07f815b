"""Mixing rates and class weights as configurations and the command line write them."""

from pathlib import Path
from typing import Any

from equipoise.config._yaml import read_yaml
from equipoise.rates import Rates
from equipoise.weights import ClassWeights


def parse_rates(value: Any) -> Rates:
    """Read mixing rates from a string or a mapping, and tables from the YAML file that a string names.

    Raises
    ------
    ConfigError, PlanError
        If the file cannot be read, the scheme is unknown or an option cannot be used; see `Rates.of`.

    Examples
    --------
    >>> parse_rates("temperature:2,maximum=65536")
    Temperature(temperature=2, maximum=65536, scale=1.0)
    """
    return Rates.of(value, _read)


def parse_weights(value: Any) -> ClassWeights:
    """Read class weights from a string or a mapping, and tables from the YAML file that a string names.

    Raises
    ------
    ConfigError, PlanError
        If the file cannot be read, the scheme is unknown or an option cannot be used; see `ClassWeights.of`.

    Examples
    --------
    >>> str(parse_weights("balanced,max_ratio=50"))
    'Balanced().clipped(max_ratio=50)'
    """
    return ClassWeights.of(value, _read)


def _read(path: str) -> Any:
    return read_yaml(Path(path)).data
