"""The tokens of a task's labels, which must differ: a label is told from others by its tokens alone."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from equipoise.collate.open_inputs import target_lead
from equipoise.collate.tokenizer import Tokenizer
from equipoise.collate.tokens import encode_targets
from equipoise.data import Task
from equipoise.errors import DataError


def label_tokens(task: Task, tokenizer: Tokenizer) -> list[list[int]]:
    """Tokenise the target texts of a task's labels.

    Parameters
    ----------
    task : Task
        A classification task.
    tokenizer : Tokenizer
        The tokenizer of the model.

    Returns
    -------
    list of lists of int
        One for each label, in the task's order, each with its end of sequence.

    Raises
    ------
    DataError
        If a label has no tokens, or all tokens of a label are the first or the only tokens of another: whatever the
        input, the other would never be the more likely one.

    Examples
    --------
    >>> from transformers import ByT5Tokenizer
    >>> label_tokens(Task("tone", "classification", ("bad", "good")), ByT5Tokenizer())
    [[101, 100, 103, 1], [106, 114, 114, 103, 1]]
    """
    rows = encode_targets(tokenizer, target_texts(task, tokenizer))
    tokens = [rows[label].tolist() for label in range(len(rows))]
    _check(task, tokens, tokenizer)
    return tokens


def target_texts(task: Task, tokenizer: Tokenizer) -> list[str]:
    """Return what is written for each label of a task: its target text, with what `target_lead` puts before it."""
    lead = target_lead(task, tokenizer)
    return [lead + task.verbalisers.get(label, label) for label in task.labels]


def check_labels(tasks: Iterable[Task], tokens: Mapping[str, NDArray[np.int32]], tokenizer: Tokenizer) -> None:
    """Refuse labels that cannot be told apart; errors as in `label_tokens`.

    Parameters
    ----------
    tasks : iterable of Task
        The tasks; open-ended ones have nothing to check.
    tokens : mapping of str to ndarray of int32
        The tokens of the target text of each label.
    tokenizer : Tokenizer
        The tokenizer that made them.
    """
    for task in tasks:
        _check(task, [tokens[text].tolist() for text in target_texts(task, tokenizer)], tokenizer)


def _check(task: Task, tokens: Sequence[list[int]], tokenizer: Tokenizer) -> None:
    # In this order what begins with the tokens of a label follows it at once.
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    if order and not tokens[order[0]]:
        what = f"Label {task.labels[order[0]]!r} of task `{task.name}` has no token."
        raise DataError("no-token", f"{what} {_advice(task)}")
    for one, other in pairwise(order):
        if tokens[one] == tokens[other][: len(tokens[one])]:
            _refuse(task, tokenizer, one, other, tokens)


def _refuse(task: Task, tokenizer: Tokenizer, one: int, other: int, tokens: Sequence[list[int]]) -> None:
    same = tokens[one] == tokens[other]
    first, second = sorted((one, other)) if same else (one, other)
    labels = f"{task.labels[first]!r} and {task.labels[second]!r}"
    texts = [task.target_text(task.labels[label]) for label in (first, second)]
    found = " and ".join(repr(tokenizer.decode(tokens[label])) for label in ((first,) if same else (first, second)))
    if same:
        code, what = "same-tokens", f"Labels {labels} have the same tokens in task `{task.name}`"
        why = f"the tokenizer reads {texts[0]!r} and {texts[1]!r} both as {found}"
    else:
        code = "label-begins-another"
        what = f"Of labels {labels} in task `{task.name}`, the tokens of the second begin with all those of the first"
        why = f"the tokenizer reads them as {found}"
    raise DataError(code, f"{what}, so no model can tell them apart: {why}. {_advice(task)}")


def _advice(task: Task) -> str:
    return (
        f"Give each label a target text of its own that the tokenizer knows with `tasks.{task.name}.verbalisers` of a "
        "configuration (`verbalisers` of a `Task`)."
    )
