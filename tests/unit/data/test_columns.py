import pytest
from tests.support.errors import raises

from equipoise.data import Columns
from equipoise.errors import ConfigError


def test_a_field_that_is_not_named_has_its_own_name() -> None:
    columns = Columns(input="text", group="patient")
    assert [columns.source_of(field) for field in ("task", "input", "group", "split")] == [
        "task",
        "text",
        "patient",
        "split",
    ]
    assert columns.is_named("group")
    assert not columns.is_named("split")


@pytest.mark.parametrize("field", ["task", "input", "target", "group"])
def test_an_empty_name_is_refused(field: str) -> None:
    with raises(ConfigError, "not-a-column-name", f"`columns.{field}`", "found ''"):
        Columns(**{field: ""})


def test_a_required_column_cannot_be_none() -> None:
    with raises(ConfigError, "not-a-column-name", "`columns.target`", "found None"):
        Columns(target=None)  # type: ignore[arg-type]


def test_input_and_target_must_differ() -> None:
    with raises(ConfigError, "same-column", "found 'task', 'text' and 'text'"):
        Columns(input="text", target="text")
