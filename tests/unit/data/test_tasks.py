import pickle

import pytest

from equipoise.data import Task, TaskOptions
from equipoise.errors import ConfigError


def test_the_default_prompt_names_the_task() -> None:
    assert Task("nli", "open").render("is it?") == "nli: is it?"


@pytest.mark.parametrize("text", ["{", "}", "{input}", "{task!r}", "{0}", "{{}}"])
def test_braces_in_the_data_stay(text: str) -> None:
    assert Task("t", "open", prompt="{{x}} {input}").render(text) == "{x} " + text


@pytest.mark.parametrize("prompt", ["{input}", "{task} {input} {input}", "{{{input}}}"])
def test_good_prompts(prompt: str) -> None:
    assert TaskOptions(prompt=prompt).prompt == prompt


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("{text}", r"only `\{task\}` and `\{input\}`, found `\{text\}`"),
        ("{input} {}", r"found `\{\}`"),
        ("{input} {0}", r"found `\{0\}`"),
        ("{input.name}", r"found `\{input.name\}`"),
        ("{input!r}", r"found `\{input!r\}`"),
        ("{input:>10}", r"found `\{input:>10\}`"),
        ("{task}", r"must hold `\{input\}`"),
        ("", r"must hold `\{input\}`"),
        ("{input", r"cannot be read"),
        ("input}", r"cannot be read"),
    ],
)
def test_a_prompt_that_cannot_be_filled_in_is_refused(prompt: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TaskOptions(prompt=prompt)
    with pytest.raises(ConfigError, match=message):
        Task("t", "open", prompt=prompt)


def test_verbalisers_stand_for_labels() -> None:
    task = Task("nli", "classification", ("0", "1"), verbalisers={"1": "yes"})
    assert [task.target_text(label) for label in task.labels] == ["0", "yes"]


def test_an_unknown_label_is_refused() -> None:
    task = Task("nli", "classification", ("0", "1"))
    with pytest.raises(ConfigError, match=r"`nli` has no label '2'; its labels are '0', '1'"):
        task.target_text("2")


def test_an_open_target_is_its_own_text() -> None:
    assert Task("t", "open").target_text("anything") == "anything"


@pytest.mark.parametrize(
    ("labels", "verbalisers", "message"),
    [
        (("0", "1"), {"0": "same", "1": "same"}, "labels '0' and '1' have the same target text 'same'"),
        (("0", "1"), {"0": "1"}, "labels '0' and '1' have the same target text '1'"),
        (("0", "1"), {"2": "two"}, "`verbalisers` name '2', which no training row has; its labels are '0', '1'"),
        (("0", "1"), {"0": " "}, "label '0' has an empty target text"),
        (("0", "0"), {}, "has a label twice"),
        ((), {}, "needs labels, found none"),
    ],
)
def test_labels_and_verbalisers_must_fit(labels: tuple[str, ...], verbalisers: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Task("t", "classification", labels, verbalisers=verbalisers)


def test_a_swap_of_texts_is_one_to_one() -> None:
    task = Task("t", "classification", ("0", "1"), verbalisers={"0": "1", "1": "0"})
    assert task.target_text("0") == "1"


def test_an_open_task_has_no_labels() -> None:
    with pytest.raises(ConfigError, match="`t` is open-ended"):
        Task("t", "open", ("a",))
    with pytest.raises(ConfigError, match="an open-ended task has none"):
        TaskOptions(kind="open", verbalisers={"a": "b"})


def test_an_unknown_kind_or_no_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="found 'regression'"):
        Task("t", "regression")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="found 'regression'"):
        TaskOptions(kind="regression")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="A task needs a name, found ' '"):
        Task(" ", "open")


def test_a_task_survives_json_pickle_and_later_changes_of_its_map() -> None:
    verbalisers = {"0": "no"}
    task = Task("t", "classification", ("0", "1"), "{input}", verbalisers)
    verbalisers["1"] = "no"
    assert Task.from_dict(task.to_dict()) == task
    assert pickle.loads(pickle.dumps(task)) == task
    assert hash(task) == hash(Task.from_dict(task.to_dict()))
    assert task.target_text("1") == "1"
