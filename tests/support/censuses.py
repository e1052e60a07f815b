"""Hypothesis strategies: censuses of any shape, rates and class weights."""

from hypothesis import strategies as st

from equipoise.census import Census
from equipoise.rates import Equal, Proportional, Temperature
from equipoise.weights import Balanced, EffectiveNumber, InverseFrequency, Log, Natural, Power

name = st.text(min_size=1, max_size=3).filter(str.strip)
count = st.one_of(st.integers(0, 3), st.integers(0, 10**4), st.integers(0, 10**12))
of_task = st.one_of(count, st.dictionaries(name, count, min_size=1, max_size=6))
censuses = st.dictionaries(name, of_task, min_size=1, max_size=5).map(Census.from_counts).filter(lambda c: c.total)
some_rates = st.sampled_from([Proportional(), Proportional(maximum=100), Equal(), Temperature(2.0)])
some_weights = st.sampled_from(
    [Natural(), InverseFrequency(), Balanced(), Power(), EffectiveNumber(beta=0.99), EffectiveNumber(alpha=0.1), Log()]
)


def has_labels(census):
    """Where no task has labels, class weights are refused."""
    return any(census.labels(task) for task in census.tasks)
