import warnings

import numpy as np
import pytest
from tests.support.errors import raises, warns

from equipoise.data import Records, TaskOptions, infer_tasks
from equipoise.data.infer import infer_kind, rows_per_target
from equipoise.errors import ConfigError, DataError, DataWarning


def rows(task: str, targets: list[str]) -> Records:
    return Records.from_dict(
        {"task": [task] * len(targets), "input": [f"{task} {i}" for i in range(len(targets))], "target": targets}
    )


def drawn(seed: int, rows: int, shares: np.ndarray) -> np.ndarray:
    """Rows of each target that has any, when targets are drawn by their shares."""
    found = np.random.default_rng(seed).multinomial(rows, shares / shares.sum())
    return found[found > 0]


def zipf(labels: int, exponent: float = 1.0) -> np.ndarray:
    return np.arange(1, labels + 1) ** -exponent


CERTAIN, UNCERTAIN = False, True


@pytest.mark.parametrize(
    ("counts", "kind", "uncertain"),
    [
        # labels
        ([3, 3, 3], "classification", CERTAIN),
        ([900, 99, 1], "classification", CERTAIN),
        ([10] * 90, "classification", CERTAIN),
        ([30] * 5000, "classification", CERTAIN),
        ([1200] * 10 + [30] * 50_000, "classification", CERTAIN),
        (drawn(0, 100_000, zipf(5000)), "classification", CERTAIN),
        (drawn(1, 30_000, zipf(2000, 1.3)), "classification", CERTAIN),
        (np.append(drawn(2, 200_000, zipf(3000)), [1] * 100), "classification", CERTAIN),  # a long tail of single rows
        # labels, or texts that repeat a little
        ([2], "classification", UNCERTAIN),
        ([2, 2, 2, 2], "classification", UNCERTAIN),
        ([2] * 5000, "classification", UNCERTAIN),  # every text twice
        ([5] * 5000, "classification", UNCERTAIN),  # five inputs for every text
        ([240] * 7 + [6] * 503, "classification", UNCERTAIN),
        (drawn(3, 15_000, np.ones(5000)), "classification", UNCERTAIN),
        (drawn(4, 5_000, np.ones(5000)), "open_ended", UNCERTAIN),
        ([990] + [1] * 10, "classification", UNCERTAIN),
        ([5000, 4000, 1000] + [1] * 200, "open_ended", UNCERTAIN),  # labels, and "other:" in words
        ([5000, 4000, 1000] + [1] * 1000, "open_ended", UNCERTAIN),
        ([1], "open_ended", UNCERTAIN),
        ([1, 1], "open_ended", UNCERTAIN),
        ([2, 2, 2, 1], "open_ended", UNCERTAIN),
        # free text
        ([1] * 20, "open_ended", CERTAIN),
        ([1] * 980 + [2] * 10, "open_ended", CERTAIN),  # summaries with exact duplicates
        ([500] + [1] * 500, "open_ended", CERTAIN),  # half of the answers are "yes"
        ([6000] + [1] * 4000, "open_ended", CERTAIN),
        ([3000, 2000] + [3] * 50 + [1] * 5000, "open_ended", CERTAIN),
        (drawn(5, 10_000, zipf(10_000_000, 0.5)), "open_ended", CERTAIN),
    ],
)
def test_kind_follows_the_rows_per_target(counts: list[int], kind: str, uncertain: bool) -> None:
    assert infer_kind(np.array(counts)) == (kind, uncertain)


def test_no_band_between_the_kinds_is_silent() -> None:
    for rows in range(40):  # of 30 targets, and of thousands of targets
        for counts in ([1 + rows // 4] * 30, [1] * 500 + [1 + rows] * 500, [1 + rows] + [1] * 30):
            ratio = rows_per_target(np.array(counts))
            kind, uncertain = infer_kind(np.array(counts))
            assert kind == ("classification" if ratio >= 2 else "open_ended")
            assert uncertain or not 0.5 <= ratio < 3


@pytest.mark.parametrize(
    ("targets", "kind", "uncertain"),
    [
        ([f"{i % 101 / 100:.2f}" for i in range(5000)], "classification", UNCERTAIN),  # similarity scores
        ([f"{i % 26 / 5}" for i in range(5000)], "classification", UNCERTAIN),
        ([f"-{i % 26}.50" for i in range(5000)], "classification", UNCERTAIN),
        ([f"{value:.4f}" for value in np.random.default_rng(0).random(10_000)], "open_ended", UNCERTAIN),
        ([f"{i % 100}" for i in range(5000)], "classification", CERTAIN),  # numbers of classes
        ([f"{i % 100}.0" for i in range(5000)], "classification", CERTAIN),
        ([f"{i % 9 / 2}" for i in range(5000)], "classification", CERTAIN),  # stars
        ([f"E11.{i % 100}" for i in range(5000)], "classification", CERTAIN),
        ([f"the dose of {'abcde'[i % 5]} is {i % 13} mg" for i in range(5000)], "classification", CERTAIN),
        ([f"the sum is {i * 7919 % 10_007}" for i in range(3000)], "open_ended", CERTAIN),
    ],
)
def test_kind_of_targets(targets: list[str], kind: str, uncertain: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        task = infer_tasks(rows("t", targets))["t"]
    assert (task.kind, bool(caught)) == (kind, uncertain)
    assert len(task.labels) == (len(set(targets)) if kind == "classification" else 0)


def test_labels_are_the_sorted_training_targets() -> None:
    task = infer_tasks(rows("t", ["b", "a", "a", "b", "b", "a"]))["t"]
    assert (task.kind, task.labels) == ("classification", ("a", "b"))
    assert task.render("x") == "t: x"


def test_targets_that_do_not_repeat_are_open() -> None:
    task = infer_tasks(rows("t", [f"answer {i}" for i in range(20)]))["t"]
    assert (task.kind, task.labels) == ("open_ended", ())


def test_a_borderline_kind_is_warned_of_and_declaring_it_helps() -> None:
    records = rows("t", ["a", "b", "c", "a", "b", "c", "a"])
    with warns(DataWarning, "uncertain-kind") as caught:
        infer_tasks(records)
    message = str(caught[0].message)
    assert "Task `t` is treated as classification, which is not certain" in message
    assert "7 training rows with 3 distinct targets" in message
    assert "`tasks.t.kind: open_ended` in a configuration, or --set tasks.t.kind=" in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert infer_tasks(records, {"t": TaskOptions(kind="open_ended")})["t"].kind == "open_ended"
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
