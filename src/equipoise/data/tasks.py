"""Tasks: the prompt around an input, and for a classification its closed set of labels."""

import dataclasses
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from equipoise.base.codec import from_plain, to_plain
from equipoise.errors import ConfigError

Kind = Literal["classification", "open_ended"]
KINDS: tuple[Kind, ...] = ("classification", "open_ended")
DEFAULT_PROMPT = "{task}: {input}"


@dataclasses.dataclass(frozen=True, slots=True)
class TaskOptions:
    """Options of one task in a configuration; what is left out is inferred from the training rows.

    Parameters
    ----------
    kind : {"classification", "open_ended"} or None
        If None it is inferred, see `infer_tasks`.
    prompt : str or None
        Template of the input text with the placeholders `{input}` and optionally `{task}`; a literal
        brace is doubled. None is "{task}: {input}".
    verbalisers : mapping of str to str or None
        The target text of each label. A label that is left out is its own target text.
    system : str or None
        The system message before the input, for a model with a chat template.

    Raises
    ------
    ConfigError
        If the kind is unknown, the prompt cannot be formatted, or verbalisers are given for an open-ended task.

    Examples
    --------
    >>> TaskOptions(prompt="Is it {input}?").prompt
    'Is it {input}?'
    """

    kind: Kind | None = None
    prompt: str | None = None
    verbalisers: Mapping[str, str] | None = dataclasses.field(default=None, hash=False)
    system: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise ConfigError("unknown-kind", f'`kind` must be "classification" or "open_ended", found {self.kind!r}.')
        if self.prompt is not None:
            check_prompt(self.prompt)
        if self.verbalisers is not None:
            if self.kind == "open_ended":
                sentence = "`verbalisers` are for labels, and an open-ended task has none. Drop one of the two."
                raise ConfigError("open-ended-labels", sentence)
            object.__setattr__(self, "verbalisers", dict(self.verbalisers))

    @property
    def declared_kind(self) -> Kind | None:
        """The kind as far as it is declared: only a classification has verbalisers."""
        return self.kind or ("classification" if self.verbalisers else None)


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """One text-to-text problem.

    Parameters
    ----------
    name : str
        The name of the task, as in the records.
    kind : {"classification", "open_ended"}
        "classification" has a closed set of labels, "open_ended" has none and is one stratum.
    labels : tuple of str
        The labels of a classification; empty for an open-ended task.
    prompt : str
        Template of the input text with the placeholders `{input}` and optionally `{task}`.
    verbalisers : mapping of str to str
        Target text by label; a label that is left out is its own target text.
    system : str or None
        The system message before the input, for a model with a chat template.

    Raises
    ------
    ConfigError
        If labels do not fit the kind, the prompt cannot be formatted, a verbaliser names an unknown label,
        or two labels have the same target text.

    Examples
    --------
    >>> task = Task("nli", "classification", ("0", "1"), verbalisers={"1": "entailed"})
    >>> task.render("a implies {b}"), task.target_text("0"), task.target_text("1")
    ('nli: a implies {b}', '0', 'entailed')
    >>> Task.from_dict(task.to_dict()) == task
    True
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    prompt: str = DEFAULT_PROMPT
    verbalisers: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str], hash=False)
    system: str | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigError("no-name", f"A task needs a name, found {self.name!r}.")
        if self.kind not in KINDS:
            sentence = f'`kind` must be "classification" or "open_ended", found {self.kind!r}.'
            raise ConfigError("unknown-kind", f"Task `{self.name}`: {sentence}")
        check_prompt(self.prompt)
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "verbalisers", dict(self.verbalisers))
        _check_labels(self)

    def render(self, text: str) -> str:
        """Return the model's input for an example whose input is `text`; braces in it stay as they are."""
        return self.prompt.format(task=self.name, input=text)

    def target_text(self, label: str) -> str:
        """Return the target text of a label; the target of an open-ended task is returned unchanged.

        Raises
        ------
        ConfigError
            If the label is not one of a classification's labels.
        """
        if self.kind == "open_ended":
            return label
        if label not in self.labels:
            sentence = f"Task `{self.name}` has no label {label!r}; its labels are {some_of(self.labels)}."
            raise ConfigError("unknown-label", sentence)
        return self.verbalisers.get(label, label)

    def to_dict(self) -> dict[str, Any]:
        """Return the task as plain JSON values."""
        return {field.name: to_plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Task":
        """Build the task from the values of `to_dict`.

        Raises
        ------
        ConfigError
            If a field is missing, unknown, of another type or not valid.
        """
        return from_plain(cls, values, lambda why: ConfigError("not-a-task", f"A task cannot be read: {why}"))


def check_prompt(prompt: str) -> None:
    """Raise an error if a prompt template cannot be formatted.

    Raises
    ------
    ConfigError
        If `{input}` is missing, there is another placeholder, or a brace is neither closed nor doubled.

    Examples
    --------
    >>> check_prompt("{{json}} {task}: {input}")
    >>> check_prompt("{text}")
    Traceback (most recent call last):
    ...
    equipoise.errors.ConfigError: `prompt` may use only `{task}` and `{input}`, found `{text}` in ...
    """
    try:
        parts = list(string.Formatter().parse(prompt))
    except ValueError as error:
        sentence = f"`prompt` cannot be read ({error}), found {prompt!r}. Double a literal brace."
        raise ConfigError("bad-prompt", sentence) from None
    names: list[str] = []
    for _, name, specification, conversion in parts:
        if name is None:
            continue
        if name not in {"task", "input"} or specification or conversion:
            shown = name + (f"!{conversion}" if conversion else "") + (f":{specification}" if specification else "")
            sentence = f"`prompt` may use only `{{task}}` and `{{input}}`, found `{{{shown}}}` in {prompt!r}."
            raise ConfigError("bad-prompt", f"{sentence} Double a literal brace.")
        names.append(name)
    if "input" not in names:
        sentence = f"`prompt` must contain `{{input}}`, found {prompt!r}: all examples would be the same."
        raise ConfigError("bad-prompt", sentence)


def _check_labels(task: Task) -> None:
    if task.kind == "open_ended":
        if task.labels or task.verbalisers:
            sentence = f"Task `{task.name}` is open-ended: it has no labels and no verbalisers."
            raise ConfigError("open-ended-labels", sentence)
        return
    if not task.labels:
        raise ConfigError("no-labels", f"Task `{task.name}` is a classification and needs labels, found none.")
    if len(set(task.labels)) < len(task.labels):
        raise ConfigError("duplicate-label", f"Task `{task.name}` has a duplicate label in {some_of(task.labels)}.")
    if unknown := sorted(set(task.verbalisers) - set(task.labels)):
        sentence = f"`verbalisers` name {some_of(unknown)}, which no training row has; its labels are"
        raise ConfigError("unknown-label", f"Task `{task.name}`: {sentence} {some_of(task.labels)}.")
    seen: dict[str, str] = {}
    for label in task.labels:
        text = task.target_text(label)
        if not text.strip():
            raise ConfigError("empty-target", f"Task `{task.name}`: label {label!r} has an empty target text.")
        if text in seen:
            sentence = f"labels {seen[text]!r} and {label!r} have the same target text {text!r}."
            raise ConfigError("same-target", f"Task `{task.name}`: {sentence} Give each label its own verbaliser.")
        seen[text] = label


def describe_tasks(tasks: Mapping[str, Task], options: Mapping[str, TaskOptions], most: int = 10) -> list[str]:
    """Say of each task what it is; of more than `most` tasks how many are of each kind, and the extremes.

    Parameters
    ----------
    tasks : mapping of str to Task
        By name.
    options : mapping of str to TaskOptions
        What was declared of them: how to change it is said of tasks whose kind was inferred as open-ended.
    most : int
        Most tasks with a line each.

    Returns
    -------
    list of str
        Lines, perhaps with control characters of names in them.

    Examples
    --------
    >>> icd, note = Task("icd", "classification", ("A00", "A01")), Task("note", "open_ended")
    >>> describe_tasks({"icd": icd, "note": note}, {"note": TaskOptions("open_ended")})
    ['icd: classification, 2 labels', 'note: open_ended, no labels']
    >>> describe_tasks({"note": note}, {})
    ['note: open_ended, no labels; if its targets are labels, say `tasks.note.kind: classification`']
    """
    closed = {name: len(task.labels) for name, task in tasks.items() if task.kind == "classification"}
    inferred = [name for name in tasks if name not in closed and options.get(name, TaskOptions()).kind is None]
    if len(tasks) <= most:
        return [
            f"{name}: classification, {_labels(closed[name])}"
            if name in closed
            else f"{name}: open_ended, no labels{_advice(name, 'its targets') if name in inferred else ''}"
            for name in tasks
        ]
    lines: list[str] = []
    if closed:
        low, high = min(closed, key=closed.__getitem__), max(closed, key=closed.__getitem__)
        extremes = f"from {_labels(closed[low])} ({low}) to {_labels(closed[high])} ({high})"
        lines.append(f"{len(closed):,} of {len(tasks):,} tasks: classification, {extremes}")
    if count := len(tasks) - len(closed):
        names = some_of([name for name in tasks if name not in closed], 3)
        advice = _advice("NAME", "the targets of one") if inferred else ""
        lines.append(f"{count:,} of {len(tasks):,} tasks: open_ended, no labels ({names}){advice}")
    return lines


def _labels(count: int) -> str:
    return f"{count:,} label{'s' if count != 1 else ''}"


def _advice(task: str, whose: str) -> str:
    return f"; if {whose} are labels, say `tasks.{task}.kind: classification`"


def some_of(names: Sequence[str], most: int = 10, write: Callable[[str], str] = repr) -> str:
    """Return the first names, quoted by `write`, and how many more there are."""
    shown = ", ".join(map(write, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
