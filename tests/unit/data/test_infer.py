import warnings

import pytest
from tests.support.errors import raises, warns

from equipoise.data import Records, TaskOptions, infer_tasks
from equipoise.data.infer import infer_kind
from equipoise.errors import ConfigError, DataError, DataWarning


def rows(task: str, targets: list[str]) -> Records:
    return Records.from_dict(
        {"task": [task] * len(targets), "input": [f"{task} {i}" for i in range(len(targets))], "target": targets}
    )


@pytest.mark.parametrize(
    ("rows", "distinct", "kind", "borderline"),
    [
        (1, 1, "open", False),
        (2, 1, "classification", True),
        (9, 3, "classification", False),
        (8, 4, "classification", True),
        (7, 4, "open", True),
        (5, 4, "open", False),
        (10_000, 256, "classification", False),
        (10_000, 257, "classification", True),
        (10_000, 512, "classification", True),
        (10_000, 513, "open", True),
        (100_000, 1024, "open", True),
        (100_000, 1025, "open", False),
        (10_000, 3_000, "open", False),
        (2_400, 1_100, "open", False),
    ],
)
def test_kind_follows_repetition_and_cap(rows: int, distinct: int, kind: str, borderline: bool) -> None:
    assert infer_kind(rows, distinct) == (kind, borderline)


def test_labels_are_the_sorted_training_targets() -> None:
    task = infer_tasks(rows("t", ["b", "a", "a", "b", "b", "a"]))["t"]
    assert (task.kind, task.labels) == ("classification", ("a", "b"))
    assert task.render("x") == "t: x"


def test_targets_that_do_not_repeat_are_open() -> None:
    task = infer_tasks(rows("t", [f"answer {i}" for i in range(20)]))["t"]
    assert (task.kind, task.labels) == ("open", ())


def test_a_borderline_kind_is_warned_of_and_declaring_it_helps() -> None:
    records = rows("t", ["a", "b", "c", "a", "b", "c", "a"])
    with warns(DataWarning, "uncertain-kind") as caught:
        infer_tasks(records)
    assert 'Task `t` has 3 distinct targets in 7 training rows and is treated as "classification"' in str(
        caught[0].message
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert infer_tasks(records, {"t": TaskOptions(kind="open")})["t"].kind == "open"
        assert infer_tasks(records, {"t": TaskOptions(kind="classification")})["t"].labels == ("a", "b", "c")


def test_options_are_taken_and_verbalisers_mean_a_classification() -> None:
    records = rows("t", ["0", "1"])
    task = infer_tasks(records, {"t": TaskOptions(prompt="{input}?", verbalisers={"1": "yes"})})["t"]
    assert (task.kind, task.render("x"), task.target_text("1")) == ("classification", "x?", "yes")


def test_tasks_are_sorted_by_name() -> None:
    table = rows("b", ["1", "1", "1"]).table, rows("a", ["1", "1", "1"]).table
    import pyarrow as pa

    assert list(infer_tasks(Records(pa.concat_tables(table)))) == ["a", "b"]


def test_options_for_a_task_without_rows_are_refused() -> None:
    with raises(DataError, "unknown-task", "`nil`", "the tasks are `t`"):
        infer_tasks(rows("t", ["1", "1", "1"]), {"nil": TaskOptions()})


def test_a_verbaliser_of_a_label_without_training_row_is_refused() -> None:
    with raises(ConfigError, "unknown-label", "'2'"):
        infer_tasks(rows("t", ["1", "1", "1"]), {"t": TaskOptions(verbalisers={"2": "two"})})


def test_no_training_rows_is_an_error() -> None:
    with raises(DataError, "no-training-rows"):
        infer_tasks(rows("t", []))
    with raises(DataError, "no-targets", "`t`"):
        infer_tasks(Records.from_dict({"task": ["t"], "input": ["x"], "target": [None]}))
