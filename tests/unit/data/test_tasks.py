import pickle

import pytest
from tests.support.errors import raises

from equipoise.data import Task, TaskOptions
from equipoise.data.tasks import describe_tasks
from equipoise.errors import ConfigError


def test_the_default_prompt_names_the_task() -> None:
    assert Task("nli", "open_ended").render("is it?") == "nli: is it?"


@pytest.mark.parametrize("text", ["{", "}", "{input}", "{task!r}", "{0}", "{{}}"])
def test_braces_in_the_data_stay(text: str) -> None:
    assert Task("t", "open_ended", prompt="{{x}} {input}").render(text) == "{x} " + text


@pytest.mark.parametrize("prompt", ["{input}", "{task} {input} {input}", "{{{input}}}"])
def test_good_prompts(prompt: str) -> None:
    assert TaskOptions(prompt=prompt).prompt == prompt


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("{text}", "only `{task}` and `{input}`, found `{text}`"),
        ("{input} {}", "found `{}`"),
        ("{input} {0}", "found `{0}`"),
        ("{input.name}", "found `{input.name}`"),
        ("{input!r}", "found `{input!r}`"),
        ("{input:>10}", "found `{input:>10}`"),
        ("{task}", "must contain `{input}`"),
        ("", "must contain `{input}`"),
        ("{input", "cannot be read"),
        ("input}", "cannot be read"),
    ],
)
def test_a_prompt_that_cannot_be_filled_in_is_refused(prompt: str, message: str) -> None:
    with raises(ConfigError, "bad-prompt", message):
        TaskOptions(prompt=prompt)
    with raises(ConfigError, "bad-prompt", message):
        Task("t", "open_ended", prompt=prompt)


def test_verbalisers_stand_for_labels() -> None:
    task = Task("nli", "classification", ("0", "1"), verbalisers={"1": "yes"})
    assert [task.target_text(label) for label in task.labels] == ["0", "yes"]


def test_an_unknown_label_is_refused() -> None:
    task = Task("nli", "classification", ("0", "1"))
    with raises(ConfigError, "unknown-label", "`nli`", "'2'", "its labels are '0', '1'"):
        task.target_text("2")


def test_an_open_target_is_its_own_text() -> None:
    assert Task("t", "open_ended").target_text("anything") == "anything"


@pytest.mark.parametrize(
    ("labels", "verbalisers", "code", "message"),
    [
        (("0", "1"), {"0": "same", "1": "same"}, "same-target", "labels '0' and '1' have the same target text 'same'"),
        (("0", "1"), {"0": "1"}, "same-target", "labels '0' and '1' have the same target text '1'"),
        (
            ("0", "1"),
            {"2": "two"},
            "unknown-label",
            "`verbalisers` name '2', which no training row has; its labels are '0', '1'",
        ),
        (("0", "1"), {"0": " "}, "empty-target", "label '0' has an empty target text"),
        (("0", "0"), {}, "duplicate-label", "'0', '0'"),
        ((), {}, "no-labels", "`t`"),
    ],
)
def test_labels_and_verbalisers_must_fit(
    labels: tuple[str, ...], verbalisers: dict[str, str], code: str, message: str
) -> None:
    with raises(ConfigError, code, message):
        Task("t", "classification", labels, verbalisers=verbalisers)


def test_a_swap_of_texts_is_one_to_one() -> None:
    task = Task("t", "classification", ("0", "1"), verbalisers={"0": "1", "1": "0"})
    assert task.target_text("0") == "1"


def test_many_tasks_are_described_by_their_extremes() -> None:
    labels = tuple(f"l{number}" for number in range(2000))
    closed = {f"c{n}": Task(f"c{n}", "classification", labels[: 2 + n]) for n in range(20)}
    closed["icd"] = Task("icd", "classification", labels)
    lines = describe_tasks(closed, {})
    assert lines == ["21 of 21 tasks: classification, from 2 labels (c0) to 2,000 labels (icd)"]
    texts = {f"o{n}": Task(f"o{n}", "open_ended") for n in range(5)}
    [first, second] = describe_tasks({**closed, **texts}, {})
    assert first.startswith("21 of 26 tasks: classification")
    assert second == (
        "5 of 26 tasks: open_ended, no labels ('o0', 'o1', 'o2' and 2 more); if the targets of one are labels, say"
        " `tasks.NAME.kind: classification`"
    )
    declared = dict.fromkeys(texts, TaskOptions(kind="open_ended"))
    assert describe_tasks({**closed, **texts}, declared)[1].endswith("and 2 more)")
    assert describe_tasks({"one": Task("one", "classification", ("x",))}, {}) == ["one: classification, 1 label"]


def test_an_open_task_has_no_labels() -> None:
    with raises(ConfigError, "open-ended-labels", "`t`"):
        Task("t", "open_ended", ("a",))
    with raises(ConfigError, "open-ended-labels"):
        TaskOptions(kind="open_ended", verbalisers={"a": "b"})


def test_an_unknown_kind_or_no_name_is_refused() -> None:
    with raises(ConfigError, "unknown-kind", "'regression'"):
        Task("t", "regression")  # type: ignore[arg-type]
    with raises(ConfigError, "unknown-kind", "'regression'"):
        TaskOptions(kind="regression")  # type: ignore[arg-type]
    with raises(ConfigError, "no-name", "' '"):
        Task(" ", "open_ended")


def test_a_task_survives_json_pickle_and_later_changes_of_its_map() -> None:
    verbalisers = {"0": "no"}
    task = Task("t", "classification", ("0", "1"), "{input}", verbalisers)
    verbalisers["1"] = "no"
    assert Task.from_dict(task.to_dict()) == task
    assert pickle.loads(pickle.dumps(task)) == task
    assert hash(task) == hash(Task.from_dict(task.to_dict()))
    assert task.target_text("1") == "1"
