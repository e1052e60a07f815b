"""Every public name is documented in numpydoc style, with an example that runs as a doctest."""

import inspect

import pytest

import equipoise
from equipoise import feedback, iterable, rates, statistics, weights

# A base class is no scheme: its docstring says how to write one. What a function returns is shown there.
BASES = {"ClassWeights", "Feedback", "Rates", "OrderedStream", "Differences", "MeanRanks", "SignedRankTest"}
BASES |= {"Needed", "Probabilities"}
ALIASES = {"Source"}
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (equipoise, feedback, iterable, rates, statistics, weights)
    for name in module.__all__
    if not inspect.ismodule(getattr(module, name)) and name not in ALIASES
}


@pytest.mark.parametrize(("name", "value"), PUBLIC.items(), ids=PUBLIC.keys())
def test_public_name_has_a_docstring_with_an_example(name, value):
    documented = inspect.getdoc(value)
    assert documented, name
    assert documented.splitlines()[0].endswith("."), f"{name}: the first line is a sentence"
    if name.split(".")[-1] not in BASES:
        assert "Examples\n--------" in documented, name
        assert ">>> " in documented, name


@pytest.mark.parametrize(("name", "value"), PUBLIC.items(), ids=PUBLIC.keys())
def test_every_parameter_is_documented(name, value):
    documented = inspect.getdoc(value)
    if name.split(".")[-1] in BASES:
        return
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}:
            assert f"{parameter.name}" in documented.partition("Parameters\n----------")[2], f"{name}: {parameter.name}"
