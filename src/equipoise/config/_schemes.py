"""Mixing rates and class weights as text, as the command line and YAML files give them.

The form is ``NAME[:VALUE][,option=value]...``: ``temperature:2,maximum=65536`` is
``Temperature(2, maximum=65536)``, and ``max_ratio=50`` clips any class weights.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from equipoise.config._yaml import parse_yaml, read_yaml
from equipoise.errors import ConfigError
from equipoise.rates import Rates, rates_from_dict
from equipoise.weights import ClassWeights, weights_from_dict


class _Form(NamedTuple):
    scheme: str
    value: str | None = None  # the option that stands after the colon
    fixed: Mapping[str, float] = {}
    from_file: bool = False  # the value names a YAML file


_RATES = {
    "proportional": _Form("Proportional"),
    "equal": _Form("Equal"),
    "temperature": _Form("Temperature", "temperature"),
    "unimax": _Form("UniMax", "max_passes"),
    "fixed": _Form("Fixed", "rates", from_file=True),
}
_WEIGHTS = {
    "natural": _Form("Natural"),
    "inverse": _Form("InverseFrequency"),
    "balanced": _Form("Balanced"),
    "sqrt": _Form("Power", fixed={"gamma": 0.5}),
    "power": _Form("Power", "gamma"),
    "effective": _Form("EffectiveNumber", "beta"),
    "median": _Form("MedianFrequency"),
    "log": _Form("Log", "kappa"),
    "table": _Form("Table", "weights", from_file=True),
    "shares": _Form("Shares", "shares", from_file=True),
}


def parse_rates(value: Any) -> Rates:
    """Read mixing rates from text or from the mapping that `to_dict` gives.

    Raises
    ------
    ConfigError, PlanError
        If the scheme is unknown or an option cannot be used.

    Examples
    --------
    >>> parse_rates("temperature:2,maximum=65536")
    Temperature(temperature=2, maximum=65536, scale=1.0)
    """
    return rates_from_dict(_to_mapping(value, _RATES, "mixing rates"))


def parse_weights(value: Any) -> ClassWeights:
    """Read class weights from text or from the mapping that `to_dict` gives.

    Raises
    ------
    ConfigError, PlanError
        If the scheme is unknown or an option cannot be used.

    Examples
    --------
    >>> parse_weights("power:0.5")
    Power(gamma=0.5)
    >>> str(parse_weights("balanced,max_ratio=50"))
    'Balanced().clipped(max_ratio=50)'
    """
    mapping = _to_mapping(value, _WEIGHTS, "class weights")
    if mapping["scheme"] == "Clipped" or "max_ratio" not in mapping:
        return weights_from_dict(mapping)
    inner = {key: option for key, option in mapping.items() if key != "max_ratio"}
    return weights_from_dict(inner).clipped(max_ratio=mapping["max_ratio"])


def _to_mapping(value: Any, forms: Mapping[str, _Form], kind: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        mapping = dict(cast("Mapping[str, Any]", value))
        if "scheme" not in mapping:
            raise ConfigError(f"{kind} given as a mapping need the key `scheme`, found {sorted(mapping)}.")
        name = mapping["scheme"]
        return {**mapping, "scheme": forms[name].scheme if isinstance(name, str) and name in forms else name}
    if not isinstance(value, str):
        raise ConfigError(f"{kind} must be text such as {next(iter(forms))!r} or a mapping, found {value!r:.80}.")
    head, *options = value.split(",")
    name, colon, argument = (part.strip() for part in head.partition(":"))
    if name not in forms:
        close = difflib.get_close_matches(name, forms, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(forms)}.")
    form = forms[name]
    mapping = {"scheme": form.scheme, **form.fixed}
    if colon:
        if form.value is None:
            raise ConfigError(f"{name!r} takes no value after a colon, found {argument!r}.")
        mapping[form.value] = read_yaml(Path(argument)).data if form.from_file else _number(name, argument)
    for option in options:
        key, equals, text = (part.strip() for part in option.partition("="))
        if not equals or not key:
            raise ConfigError(f"an option of {name!r} must look like `name=value`, found {option!r}.")
        mapping[key] = _number(key, text)
    return mapping


def _number(name: str, text: str) -> float:
    value = parse_yaml(text).data
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name!r} needs a number, found {text!r}.")
    return value
