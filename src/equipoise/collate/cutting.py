"""Cut inputs that are too long at their ends, and keep the prompts around them."""

from collections.abc import Mapping, Sequence
from string import Formatter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.collate.ragged import Ragged
from equipoise.collate.tokenizer import Tokenizer
from equipoise.collate.tokens import BATCH, encode_inputs
from equipoise.data import Task
from equipoise.data.coded import CodedColumn
from equipoise.errors import ConfigError

Tokens = NDArray[np.int32]


def cut_inputs(
    tokens: Ragged,
    codes: NDArray[np.integer],
    task_ids: NDArray[np.int32],
    inputs: CodedColumn,
    tasks: Sequence[Task],
    tokenizer: Tokenizer,
    maximum: int,
) -> Ragged:
    """Cut rendered inputs to `maximum` tokens, special tokens included.

    Tokens are left out at the end of the input; the prompt before and after it stays, and so do the special tokens.
    Where a prompt has the input several times, each of them loses its end. What is kept are tokens of the whole
    text, so without a prompt after the input they are its first ones.

    Parameters
    ----------
    tokens : Ragged
        The tokens of each rendered input.
    codes : ndarray of int, shape (N,)
        The rendered input of each row; rows that share one have the same prompt.
    task_ids : ndarray of int32, shape (N,)
        The task of each row, as a position in `tasks`.
    inputs : CodedColumn
        The inputs of the rows before they were rendered.
    tasks : sequence of Task
        The tasks.
    tokenizer : Tokenizer
        The tokenizer that made the tokens.
    maximum : int
        The most tokens to keep of each.

    Returns
    -------
    Ragged
        The same object if no row is too long.

    Raises
    ------
    ConfigError
        If a prompt without any input has more than `maximum` tokens, and its rows are to be cut.
    """
    long = np.flatnonzero(tokens.lengths > maximum)
    if not len(long):
        return tokens
    first = np.empty(len(tokens), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    rows = first[long]
    texts = inputs.take(rows).decoded().combine_chunks()
    of_rows = [tasks[task] for task in task_ids[rows].tolist()]
    return tokens.replaced(
        long, _cut_rows([tokens[code] for code in long.tolist()], of_rows, texts, tokenizer, maximum)
    )


def _cut_rows(
    whole: Sequence[Tokens], tasks: Sequence[Task], inputs: pa.Array, tokenizer: Tokenizer, maximum: int
) -> list[Tokens]:
    """Cut rows that are all too long; for each, its task and its input."""
    parts = {task.name: prompt_parts(task) for task in {task.name: task for task in tasks}.values()}
    prompts = check_prompts(parts, tokenizer, maximum)
    special = _encoded(tokenizer, [""])[0]
    kept: list[Tokens] = []
    for first in range(0, len(tasks), BATCH):
        texts: list[str] = inputs.slice(first, BATCH).to_pylist()
        names = [task.name for task in tasks[first : first + BATCH]]
        starts = [_starts(parts[name], text) for name, text in zip(names, texts, strict=True)]
        beginnings = iter(_encoded(tokenizer, [start for row in starts for start in row]))
        for row, (name, strings) in enumerate(zip(names, starts, strict=True), first):
            found = [next(beginnings) for _ in strings]
            kept.append(_cut(whole[row], found, len(parts[name]) - 1, special, prompts[name], maximum))
    return kept


def check_prompts(parts: Mapping[str, Sequence[str]], tokenizer: Tokenizer, maximum: int) -> dict[str, Tokens]:
    """Tokenise the prompt of each task without any input; its `prompt_parts` are given by the task's name.

    Raises
    ------
    ConfigError
        If one has more than `maximum` tokens.
    """
    prompts = dict(zip(parts, _encoded(tokenizer, ["".join(each) for each in parts.values()]), strict=True))
    for name, prompt in prompts.items():
        if len(prompt) > maximum:
            raise ConfigError(
                "prompt-too-long",
                f"The prompt of task `{name}` alone has {len(prompt)} tokens, special tokens included, and `max_input` "
                f"is {maximum}: nothing would be left of an input. Raise `max_input` (`training.max_input` of a "
                f"configuration), or shorten the prompt (`tasks.{name}.prompt`).",
            )
    return prompts


def prompt_parts(task: Task) -> list[str]:
    """Return the prompt before, between and after the inputs."""
    parts = [""]
    for literal, field, _, _ in Formatter().parse(task.prompt):
        parts[-1] += literal + (task.name if field == "task" else "")
        if field == "input":
            parts.append("")
    return parts


def _starts(parts: list[str], text: str) -> list[str]:
    """Return the rendered text up to where each input begins and up to where it ends, but for the end of the text."""
    starts: list[str] = []
    rendered = ""
    for part in parts[:-1]:
        rendered += part
        starts.append(rendered)
        rendered += text
        starts.append(rendered)
    return starts if parts[-1] else starts[:-1]


def _cut(
    whole: Tokens, beginnings: list[Tokens], occurrences: int, special: Tokens, prompt: Tokens, maximum: int
) -> Tokens:
    """Leave out tokens of the inputs: those between where beginnings of the text and the whole stop to be the same."""
    closing = _common(whole[::-1], special[::-1])  # special tokens at the end
    bounds: list[int] = []
    for position, beginning in enumerate(beginnings):
        own = beginning[: len(beginning) - closing]
        same = _common(whole, own)
        # A token across the beginning of an input belongs to the prompt, one across its end does as well.
        bounds.append(same + (position % 2 == 0 and same < len(own)))
    if len(bounds) < 2 * occurrences:
        bounds.append(len(whole) - closing)
    starts, stops = np.array(bounds[0::2]), np.array(bounds[1::2])
    lengths = np.maximum(stops - starts, 0)
    left = (int(lengths.sum()) + maximum - len(whole)) // occurrences
    if left < 0:
        return prompt
    keep = np.ones(len(whole), np.bool_)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        keep[start + left : stop] = False
    return whole[keep]


def _common(one: Tokens, other: Tokens) -> int:
    """Return how many tokens are the same from the start."""
    length = min(len(one), len(other))
    different = one[:length] != other[:length]
    return int(different.argmax()) if different.any() else length


def _encoded(tokenizer: Tokenizer, texts: list[str]) -> list[Tokens]:
    rows = encode_inputs(tokenizer, texts)
    return [rows[row] for row in range(len(rows))]
