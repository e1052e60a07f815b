"""Tokenizers that leave an input open, as those of decoder-only models do: chat templates, and where targets end."""

from dataclasses import replace
from datetime import date
from typing import Any, Final

from equipoise.collate.tokenizer import Tokenizer
from equipoise.data import Task
from equipoise.errors import ConfigError

_CONTENT: Final = "content-of-the-user"
_ANSWER: Final = "answer-of-the-assistant"
# Templates that write the date of today get this one: the tokens of a row are the same on every day. It is the date
# that the template of Llama 3.1 writes where there is no clock.
_TODAY: Final = date(2024, 7, 26)
_CODES = "".join(f"|replace('%{code}','{_TODAY.strftime(f'%{code}')}')" for code in "aAbBdmyYHMS")
_CLOCK: Final = f"{{%- macro strftime_now(format) -%}}{{{{ format{_CODES} }}}}{{%- endmacro -%}}"


def is_open(tokenizer: Tokenizer) -> bool:
    """Return whether a tokenizer puts nothing behind an input, so that a model continues it with the target.

    Those of encoder-decoders end inputs with a token of their own.

    Examples
    --------
    >>> from transformers import ByT5Tokenizer
    >>> is_open(ByT5Tokenizer())
    False
    """
    bare = _ids(tokenizer, "a")
    whole: list[int] = tokenizer(text=["a"], verbose=False)["input_ids"][0]
    return whole[len(whole) - len(bare) :] == bare


def has_template(tokenizer: Tokenizer) -> bool:
    """Return whether inputs are written as the messages of a chat: an open tokenizer with a chat template."""
    return bool(getattr(tokenizer, "chat_template", None)) and is_open(tokenizer)


def as_prompted(task: Task, tokenizer: Tokenizer) -> Task:
    """Return a task whose prompt is all that the model reads: with the chat template around it, where there is one.

    Raises
    ------
    ConfigError
        If the task has a system message and the tokenizer no chat template, or the template cannot be applied.
    """
    if not has_template(tokenizer):
        if task.system is None:
            return task
        raise ConfigError(
            "no-chat-template",
            f"`tasks.{task.name}.system` is a message of a chat, and the tokenizer of the model has no chat template. "
            f"Leave it out, and write it into `tasks.{task.name}.prompt`.",
        )
    before, after = _around(_CONTENT, _rendered(tokenizer, task, None), task)
    return replace(task, prompt=_literal(before) + task.prompt + _literal(after), system=None)


def target_lead(task: Task, tokenizer: Tokenizer) -> str:
    """Return what is written before the targets of a task: a space, where the tokenizer writes none by itself.

    There is none in a chat, after a prompt that ends with white space, or where inputs are not continued.
    """
    last = task.prompt[-1:]
    if not is_open(tokenizer) or has_template(tokenizer) or last.isspace():
        return ""
    joined = tokenizer.decode([*_ids(tokenizer, "x"), *_ids(tokenizer, "a")])
    return " " if joined.strip() == "xa" else ""


def target_end(tokenizer: Tokenizer) -> int | None:
    """Return the token that ends a target: the end of sequence, or what ends an answer in a chat.

    That is the first special token that the chat template writes after a message of the assistant.
    """
    eos = tokenizer.eos_token_id
    if not has_template(tokenizer):
        return eos
    _, behind = _around(_ANSWER, _rendered(tokenizer, Task("chat", "open_ended"), _ANSWER), None)
    special = set(tokenizer.all_special_ids)
    return next((token for token in _ids(tokenizer, behind) if token in special), eos)


def padding(tokenizer: Tokenizer) -> int:
    """Return the token to pad with: where there is none for it, any will do, as masks say what is padding."""
    return next((each for each in (tokenizer.pad_token_id, tokenizer.eos_token_id) if each is not None), 0)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the tokens of a text, without special tokens around it."""
    return tokenizer(text=[text], add_special_tokens=False, verbose=False)["input_ids"][0]


def _rendered(tokenizer: Tokenizer, task: Task, answer: str | None) -> str:
    """Return a chat about a placeholder, up to where the assistant answers or with its answer."""
    messages = [{"role": "user", "content": _CONTENT}]
    if task.system is not None:
        messages.insert(0, {"role": "system", "content": task.system})
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": answer is None, "enable_thinking": False}
    try:
        template: str = _CLOCK + tokenizer.get_chat_template()
        return tokenizer.apply_chat_template(messages, chat_template=template, **options)
    except Exception as error:  # a template may raise anything, such as that it knows no system message
        raise _unusable(task, str(error)) from error


def _around(content: str, rendered: str, task: Task | None) -> tuple[str, str]:
    parts = rendered.split(content)
    if len(parts) != 2:
        raise _unusable(task, f"it writes a message {len(parts) - 1} times")
    return parts[0], parts[1]


def _unusable(task: Task | None, why: str) -> ConfigError:
    of = f" for task `{task.name}`" if task is not None else ""
    advice = (
        "Leave out `tasks.*.system` if it is the system message, or save the tokenizer without its `chat_template`."
    )
    return ConfigError("chat-template", f"The chat template of the tokenizer cannot be applied{of}: {why}. {advice}")


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
