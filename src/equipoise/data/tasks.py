"""Tasks: the prompt around an input, and for a classification its closed set of labels."""

import dataclasses
import string
from collections.abc import Mapping
from typing import Any, Literal, cast

from equipoise.errors import ConfigError

Kind = Literal["classification", "open"]
KINDS: tuple[Kind, ...] = ("classification", "open")
DEFAULT_PROMPT = "{task}: {input}"


@dataclasses.dataclass(frozen=True, slots=True)
class TaskOptions:
    """What a configuration may say about one task; what it leaves out is inferred from the training rows.

    Parameters
    ----------
    kind : {"classification", "open"} or None
        None infers it, see `infer_tasks`.
    prompt : str or None
        Template of the input text with the placeholders `{input}` and, if wanted, `{task}`; a literal
        brace is doubled. None is "{task}: {input}".
    verbalisers : mapping of str to str or None
        The text that stands for a label in the target. A label that is left out stands for itself.

    Raises
    ------
    ConfigError
        The kind is unknown, the prompt cannot be filled in, or verbalisers are given for an open-ended task.

    Examples
    --------
    >>> TaskOptions(prompt="Is it {input}?").prompt
    'Is it {input}?'
    """

    kind: Kind | None = None
    prompt: str | None = None
    verbalisers: Mapping[str, str] | None = dataclasses.field(default=None, hash=False)

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise ConfigError(f'`kind` must be "classification" or "open", found {self.kind!r}.')
        if self.prompt is not None:
            check_prompt(self.prompt)
        if self.verbalisers is not None:
            if self.kind == "open":
                raise ConfigError(
                    "`verbalisers` stand for labels, and an open-ended task has none. Drop one of the two."
                )
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
        The task's name, as the records have it.
    kind : {"classification", "open"}
        "classification" has a closed set of labels, "open" has none and is one stratum.
    labels : tuple of str
        The labels of a classification; empty for an open-ended task.
    prompt : str
        Template of the input text with the placeholders `{input}` and, if wanted, `{task}`.
    verbalisers : mapping of str to str
        Label to target text; a label that is left out stands for itself.

    Raises
    ------
    ConfigError
        Labels do not fit the kind, the prompt cannot be filled in, a verbaliser names an unknown label,
        or two labels would have the same target text.

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

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigError(f"A task needs a name, found {self.name!r}.")
        if self.kind not in KINDS:
            raise ConfigError(f'Task `{self.name}`: `kind` must be "classification" or "open", found {self.kind!r}.')
        check_prompt(self.prompt)
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "verbalisers", dict(self.verbalisers))
        _check_labels(self)

    def render(self, text: str) -> str:
        """Give the model's input text for an example whose input is `text`; braces in it stay as they are."""
        return self.prompt.format(task=self.name, input=text)

    def target_text(self, label: str) -> str:
        """Give the model's target text for a label; an open-ended task's target is its own text.

        Raises
        ------
        ConfigError
            The label is not one of a classification's labels.
        """
        if self.kind == "open":
            return label
        if label not in self.labels:
            raise ConfigError(f"Task `{self.name}` has no label {label!r}; its labels are {_some(self.labels)}.")
        return self.verbalisers.get(label, label)

    def to_dict(self) -> dict[str, Any]:
        """Write the task as plain JSON values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "labels": list(self.labels),
            "prompt": self.prompt,
            "verbalisers": dict(self.verbalisers),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Task":
        """Read the task that `to_dict` wrote.

        Raises
        ------
        ConfigError
            A field is missing, of another type, or says what cannot be.
        """
        _check_fields(values)
        return cls(
            name=values["name"],
            kind=values["kind"],
            labels=tuple(values["labels"]),
            prompt=values["prompt"],
            verbalisers=values["verbalisers"],
        )


def check_prompt(prompt: str) -> None:
    """Refuse a prompt template that cannot be filled in.

    Raises
    ------
    ConfigError
        `{input}` is missing, another placeholder stands in it, or a brace is not closed or doubled.

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
        raise ConfigError(
            f"`prompt` cannot be read ({error}), found {prompt!r}. Double a brace that is meant literally."
        ) from None
    names: list[str] = []
    for _, name, specification, conversion in parts:
        if name is None:
            continue
        if name not in {"task", "input"} or specification or conversion:
            shown = name + (f"!{conversion}" if conversion else "") + (f":{specification}" if specification else "")
            raise ConfigError(
                f"`prompt` may use only `{{task}}` and `{{input}}`, found `{{{shown}}}` in {prompt!r}. "
                "Double a brace that is meant literally."
            )
        names.append(name)
    if "input" not in names:
        raise ConfigError(f"`prompt` must hold `{{input}}`, found {prompt!r}: every example would look the same.")


def _check_fields(values: object) -> None:
    kinds = {"name": str, "kind": str, "labels": list, "prompt": str, "verbalisers": dict}
    given = cast("Mapping[str, Any]", values) if isinstance(values, Mapping) else {}
    odd = [name for name, kind in kinds.items() if not isinstance(given.get(name), kind)]
    texts = [] if odd else [*given["labels"], *given["verbalisers"], *given["verbalisers"].values()]
    if odd or not all(isinstance(text, str) for text in texts):
        raise ConfigError(
            "A task must have a `name`, a `kind`, `labels` (a list of texts), a `prompt` and `verbalisers` (texts by "
            f"label), found {values!r:.200}."
        )


def _check_labels(task: Task) -> None:
    if task.kind == "open":
        if task.labels or task.verbalisers:
            raise ConfigError(f"Task `{task.name}` is open-ended: it has no labels and no verbalisers.")
        return
    if not task.labels:
        raise ConfigError(f"Task `{task.name}` is a classification and needs labels, found none.")
    if len(set(task.labels)) < len(task.labels):
        raise ConfigError(f"Task `{task.name}` has a label twice in {_some(task.labels)}.")
    if unknown := sorted(set(task.verbalisers) - set(task.labels)):
        raise ConfigError(
            f"Task `{task.name}`: `verbalisers` name {_some(tuple(unknown))}, which no training row has; "
            f"its labels are {_some(task.labels)}."
        )
    seen: dict[str, str] = {}
    for label in task.labels:
        text = task.target_text(label)
        if not text.strip():
            raise ConfigError(f"Task `{task.name}`: label {label!r} has an empty target text.")
        if text in seen:
            raise ConfigError(
                f"Task `{task.name}`: labels {seen[text]!r} and {label!r} have the same target text "
                f"{text!r}. Give each label its own verbaliser."
            )
        seen[text] = label


def _some(labels: tuple[str, ...], most: int = 10) -> str:
    shown = ", ".join(repr(label) for label in labels[:most])
    return shown if len(labels) <= most else f"{shown} and {len(labels) - most} more"
