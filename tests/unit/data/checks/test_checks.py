import pytest
from tests.support.errors import raises, warns

from equipoise.data import (
    Problem,
    Records,
    Task,
    assign_splits,
    check_records,
    give_warnings,
    raise_on_errors,
)
from equipoise.errors import DataError, DataWarning


def make(*rows: tuple[str, str, str | None], **columns: list[str | None]) -> Records:
    task, text, target = zip(*rows, strict=True)
    return Records.from_dict({"task": task, "input": text, "target": target, **columns})


def nli(targets: str, **columns: list[str | None]) -> Records:
    """One row of the task "nli" per character of `targets`, with inputs of their own."""
    return make(*(("nli", f"input {i}", target) for i, target in enumerate(targets)), **columns)


def found(records: Records, tasks: dict[str, Task] | None = None) -> dict[str, Problem]:
    problems = check_records(records, tasks or {})
    assert len({problem.code for problem in problems}) == len(problems)
    return {problem.code: problem for problem in problems}


SPLITS_OF_8: list[str | None] = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2


def test_good_records_have_no_problem() -> None:
    assert check_records(nli("abababab")) == []
    records = nli("abababab", split=SPLITS_OF_8, group=list("abcdefgh"), id=list("abcdefgh"))
    assert check_records(records) == []


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        (("", "x", "a"), "empty-task", "row 7: column `task` is empty"),
        (("nli", " ", "a"), "empty-input", "row 7: column `input` is empty"),
        (("nli", "x", None), "empty-target", "row 7: column `target` is empty"),
        (("nli", "x", ""), "empty-target", "row 7: column `target` is empty"),
    ],
)
def test_empty_fields_are_errors(row: tuple[str, str, str | None], code: str, message: str) -> None:
    records = make(*(("nli", f"{i}", "ab"[i % 2]) for i in range(6)), row)
    problem = found(records)[code]
    assert problem.level == "error"
    assert message in problem.message
    assert "other row" not in problem.message


def test_more_empty_fields_are_counted() -> None:
    records = make(*(("nli", f"{i}", target) for i, target in enumerate(["a", "", None, " "])))
    assert "row 2: column `target` is empty (and 2 other rows)" in found(records)["empty-target"].message


def test_an_unknown_split_is_an_error_and_ends_the_checks() -> None:
    records = nli("aaaa", split=["train", "train", "holdout", "val"])
    problems = found(records)
    assert list(problems) == ["unknown-split"]
    assert "row 3: column `split` is 'holdout' (and 1 other row)" in problems["unknown-split"].message


def test_an_id_in_two_rows_is_an_error() -> None:
    problem = found(nli("ababab", id=["1", "2", None, None, "2", "3"]))["duplicate-id"]
    assert problem.level == "error"
    assert "row 2 and row 5: column `id` is '2' in both. Give" in problem.message


def test_a_group_in_two_splits_is_an_error() -> None:
    groups: list[str | None] = ["1", "2", "2", "3", None, "2", None, "4"]
    problem = found(nli("abababab", split=SPLITS_OF_8, group=groups))["group-in-two-splits"]
    assert problem.level == "error"
    assert "row 2 and row 6: column `group` is '2' in both" in problem.message
    assert "their splits are 'train' and 'validation'. Keep" in problem.message


def test_several_cut_groups_are_counted() -> None:
    groups: list[str | None] = ["1", "2", "3", "4", "1", "2", "3", "5"]
    message = found(nli("abababab", split=SPLITS_OF_8, group=groups))["group-in-two-splits"].message
    assert "(and 2 other groups)" in message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3", "3.0"),
        ("007", "7"),
        ("0", "-0.0"),
        ("True", "true"),
        ("m\u00fcller", "mu\u0308ller"),
        ("ward 4", "ward\u00a04"),
        ("p17", "p17\u200b"),
        ("p17", "\uff5017"),
    ],
)
def test_a_group_in_two_spellings_is_a_group_in_two_splits(one: str, other: str) -> None:
    groups: list[str | None] = ["1", one, "2", "4", None, other, None, "5"]
    problem = found(nli("abababab", split=SPLITS_OF_8, group=groups))["group-in-two-splits"]
    assert problem.level == "error"
    assert f"column `group` is {one!a} and {other!a}, which are one value in two spellings" in problem.message
    in_one_split = [*groups[:3], other, *groups[4:5], "6", *groups[6:]]
    assert "group-in-two-splits" not in found(nli("abababab", split=SPLITS_OF_8, group=in_one_split))
    names: list[str | None] = [one, other, "8", "9"] * 20
    split = assign_splits(nli("ab" * 40, group=names))
    assert "group-in-two-splits" not in found(split)


def test_different_groups_are_not_taken_for_one() -> None:
    groups: list[str | None] = ["1", "p1", "0e12", "P1", "0e13", "1e3", "true", "1000"]
    assert "group-in-two-splits" not in found(nli("abababab", split=SPLITS_OF_8, group=groups))


@pytest.mark.parametrize(
    ("spellings", "shown"),
    [
        (("0", "0.0"), "'0', '0.0'"),
        (("1", "1.0", "01"), "'01', '1', '1.0'"),
        (("False", "FALSE"), "'FALSE', 'False'"),
        (("caf\u00e9", "cafe\u0301"), r"'cafe\u0301', 'caf\xe9'"),
        (("yes", "yes\u200b"), r"'yes', 'yes\u200b'"),
        (("yes", "\uff39es"), r"'yes', '\uff39es'"),
        (("no risk", "no\u00a0risk"), r"'no risk', 'no\xa0risk'"),
    ],
)
def test_labels_in_two_spellings_are_named(spellings: tuple[str, ...], shown: str) -> None:
    rows = [("nli", f"{i}", label) for i, label in enumerate([*spellings, "maybe"] * 8)]
    assert "Labels of task `nli` differ only in " in found(make(*rows))["similar-spellings"].message
    assert f": {shown}. If" in found(make(*rows))["similar-spellings"].message


def test_inputs_in_two_spellings_are_duplicates() -> None:
    rows = [("nli", f"{i}", "ab"[i % 2]) for i in range(6)]
    rows += [("nli", "na\u00efve ", "a"), ("nli", "nai\u0308ve", "b")]
    problems = found(make(*rows, split=["train"] * 7 + ["test"]))
    assert problems["duplicates-across-splits"].message.startswith("1 of 1 test rows (100%) have an input that is also")
    assert "different targets: nli 1." in problems["conflicting-targets"].message


def test_labels_that_differ_in_case_or_spaces() -> None:
    rows = [("nli", f"{i}", label) for i, label in enumerate(["not sure", "Not  sure ", "yes"] * 3)]
    message = found(make(*rows))["similar-spellings"].message
    assert "Labels of task `nli` differ only in case or spaces: 'Not  sure ', 'not sure'." in message


def test_tasks_that_differ_in_case() -> None:
    rows = [(task, f"{task}{i}", "ab"[i % 2]) for task in ("nli", "NLI") for i in range(6)]
    assert "Tasks differ only in case or spaces: 'NLI', 'nli'." in found(make(*rows))["similar-spellings"].message


@pytest.mark.parametrize(("one", "other"), [("1", "1.0"), ("nli", "nli\u200b"), ("caf\u00e9", "cafe\u0301")])
def test_tasks_in_two_spellings(one: str, other: str) -> None:
    rows = [(task, f"{task}{i}", "ab"[i % 2]) for task in (one, other) for i in range(6)]
    message = found(make(*rows))["similar-spellings"].message
    assert message.startswith("Tasks differ only in how numbers, booleans or letters are written: ")
    assert f"{one!a}" in message
    assert f"{other!a}" in message


def test_one_class_only() -> None:
    assert "Task `nli` has one class only, 'a'" in found(nli("aaaa"))["one-class"].message


OPEN = {"a": Task("a", "open_ended"), "b": Task("b", "open_ended")}


def test_test_rows_with_an_input_that_was_trained_on_are_counted() -> None:
    rows = [("b", "same", "x"), ("b", "other", "y"), ("b", "same", "x"), ("b", "z", "y"), ("b", "other", "y")]
    rows += [("a", "same", "x"), ("a", "same", "x"), ("a", "u", "x"), ("a", "same", "y"), ("b", "v", "y")]
    rows += [("b", "other", "x")]
    splits = ["train"] * 2 + ["test"] * 3 + ["train", "train", "test", "validation", "train", "test"]
    problems = found(make(*rows, split=splits), OPEN)
    assert problems["duplicates-across-splits"].message == (
        "3 of 5 test rows (60%) and 1 of 1 validation rows (100%) have an input that is also in training rows of their"
        " task (test rows by task: b 3). Scores on them measure memory. Put all rows of an input in one split."
    )
    assert "different targets: a 1, b 1. No model" in problems["conflicting-targets"].message
    groups = found(make(*rows, split=splits, group=[f"{row}" for row in range(11)]), OPEN)
    assert "leave `Columns(group=...)` out to split by input" in groups["duplicates-across-splits"].message


def test_inputs_that_validation_shares_with_test_alone_are_named() -> None:
    rows = [("a", text, "x") for text in ("u", "same", "same")]
    problems = found(make(*rows, split=["train", "test", "validation"]), OPEN)
    assert problems["duplicates-across-splits"].message.startswith("Inputs of a task in more than one split: a 1.")


def test_the_same_input_of_two_tasks_is_no_duplicate() -> None:
    rows = [(task, f"{i}", "ab"[i % 2]) for task in ("s", "t") for i in range(4)]
    splits: list[str | None] = ["train"] * 4 + ["test"] * 4
    assert "duplicates-across-splits" not in found(make(*rows, split=splits))


def test_empty_splits() -> None:
    problems = check_records(nli("abab", split=["train"] * 4))
    assert [problem.message for problem in problems] == [
        "No row is in the split `validation`.",
        "No row is in the split `test`.",
    ]
    assert {problem.code for problem in problems} == {"empty-split"}


def test_a_task_without_training_rows() -> None:
    rows = [("s", "1", "a"), ("s", "2", "b"), ("t", "3", "a"), ("t", "4", "a")] * 1
    problems = found(make(*rows, split=["train", "train", "validation", "test"]))
    assert problems["task-without-training-rows"].message == "Task `t` has no training row."


def test_labels_without_training_rows_and_without_test_rows() -> None:
    problems = found(nli("aabbccbadc", split=["train"] * 6 + ["validation"] * 1 + ["test"] * 3))
    assert problems["label-without-training-rows"].message.startswith(
        "Task `nli`: no training row has the label 'd'. It is not in the label set"
    )
    assert problems["label-not-measured"].message.startswith(
        "Task `nli`: no test row has the label 'b'. Its recall is reported as not measured"
    )


def test_what_a_declared_open_task_has_are_no_labels() -> None:
    records = nli("aaaaAAad", split=SPLITS_OF_8)
    assert set(found(records)) == {"label-without-training-rows", "similar-spellings"}
    assert found(records, {"nli": Task("nli", "open_ended")}) == {}


def test_rows_without_a_group_are_counted() -> None:
    problem = found(nli("abab", group=["1", None, "2", None]))["rows-without-group"]
    assert problem.message == "2 of 4 rows have no group and count as their own."


def test_many_labels_are_cut_short() -> None:
    rows = [("t", f"{i}", f"l{i // 4}") for i in range(28)]
    splits: list[str | None] = ["train"] * 4 + ["test"] * 24
    message = found(make(*rows, split=splits), {"t": Task("t", "classification", ("l0",))})[
        "label-without-training-rows"
    ].message
    assert "'l1', 'l2', 'l3', 'l4', 'l5' and 1 more" in message


def test_errors_come_first() -> None:
    levels = [problem.level for problem in check_records(nli("aaaa", id=["1", "1", "2", "2"]))]
    assert levels == ["error", "warning"]


def test_raise_on_errors_lists_ten_and_counts() -> None:
    warning = Problem("warning", "w", "only a warning")
    raise_on_errors([warning])
    with raises(DataError, "e") as caught:
        raise_on_errors([warning, Problem("error", "e", "one")])
    assert str(caught.value) == "one"
    problems = [Problem("error", "e", f"problem {i}.") for i in range(12)]
    with raises(DataError, "several-errors") as caught:
        raise_on_errors([warning, *problems])
    lines = str(caught.value).split("\n")
    assert lines[0] == "The records have 12 errors:"
    assert lines[1:11] == [f"- problem {i}." for i in range(10)]
    assert lines[11:] == ["- and 2 more"]


def test_warnings_are_given_as_data_warnings() -> None:
    with warns(DataWarning, "empty-split") as caught:
        give_warnings(
            [Problem("error", "e", "one"), Problem("warning", "empty-split", "No row is in the split `test`.")]
        )
    assert str(caught[0].message) == "No row is in the split `test`."
    assert len(caught) == 1
    assert caught[0].filename == __file__
