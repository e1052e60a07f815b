"""Commented configurations read back as what was written, whatever names and comments hold."""

from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.config import commented_yaml
from equipoise.config._yaml import parse_yaml

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.dictionaries(TEXT, DATA, max_size=4), TEXT)
def test_data_reads_back(data, comment):
    comments = {"": comment, **dict.fromkeys(data, comment)}
    assert (parse_yaml(commented_yaml(data, comments)).data or {}) == data


def test_comments_stay_comments():
    text = commented_yaml({"plan": {"draws": 3}}, {"plan": "one\ntwo\x1b[0m", "plan.draws": "word " * 60})
    lines = text.splitlines()
    assert lines[:3] == ["# one", r"# two\x1b[0m", "plan:"]
    assert lines[-1] == "  draws: 3"
    assert all(line.startswith("  # word word") for line in lines[3:-1])
    assert len(lines[3:-1]) == 3
