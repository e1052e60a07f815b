"""Options that transformers passes on and refuses late, told as errors of the option, in one line."""

import dataclasses
import re
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from transformers import TrainingArguments

from equipoise.errors import ConfigError, EquipoiseError

_FUNCTIONS = {
    "get_reporting_integration_callbacks": "report_to",
    "create_optimizer": "optim",
    "create_scheduler": "lr_scheduler_type",
    "init_hf_repo": "push_to_hub",
    "evaluate": "eval_on_start",
}
_MODULES = {
    "transformers.integrations.integration_utils": "report_to",
    "torch._dynamo": "torch_compile",
    "torch._inductor": "torch_compile",
}
"""What in transformers and torch acts on an option: an error from there, before the first step, is about that option.
A new name leaves the error as it was."""


@contextmanager
def refusing_options(args: TrainingArguments, starting: Callable[[], bool]) -> Generator[None]:
    """Turn what transformers raises about an option before the first step into a ConfigError that names the option.

    An option of compiling shows in the first step only. An error that cannot be traced to an option stays as it is.

    Parameters
    ----------
    args : transformers.TrainingArguments
        The options.
    starting : callable
        Return whether no step has begun yet.

    Examples
    --------
    >>> from equipoise.trainer import training_arguments
    >>> with refusing_options(training_arguments("run", {"use_cpu": True, "optim": "lomo"}), lambda: True):
    ...     raise ImportError("You need to install `lomo_optim` in order to use LOMO optimizers")
    Traceback (most recent call last):
        ...
    equipoise.errors.ConfigError: trainer option `optim` cannot be used: You need to install `lomo_optim` in order to
    use LOMO optimizers (ImportError). Change it, or mend what it needs.
    """
    try:
        yield
    except EquipoiseError:
        raise
    except Exception as error:  # each package that an option needs fails in its own way
        option = _option_of(error, args)
        if option is None or not (starting() or option == "torch_compile"):
            raise
        told = error.args[0] if isinstance(error, KeyError) and error.args else error
        reason = " ".join(str(told).split()).rstrip(".")
        raise ConfigError(
            "bad-option",
            f"trainer option `{option}` cannot be used: {reason:.400} ({type(error).__name__}). "
            "Change it, or mend what it needs.",
        ) from error


def _option_of(error: Exception, args: TrainingArguments) -> str | None:
    """Return the option that an error is about: named in its message, or known from where it was raised."""
    message, changed = str(error), dict(_changed(args))
    named = re.findall(r"(?:`|--|\bargs\.)([a-z]\w+)", message.replace("`args.", "`"))
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    acting = [_FUNCTIONS.get(frame.f_code.co_name) for frame in frames]
    for frame in frames:
        module = str(frame.f_globals.get("__name__"))
        acting += [option for name, option in _MODULES.items() if f"{module}.".startswith(f"{name}.")]
    words = {name: value for name, value in changed.items() if isinstance(value, str)}
    quoted = [name for name, value in words.items() if re.search(rf"\b{re.escape(value)}\b", message, re.IGNORECASE)]
    candidates = [*(name for name in named if name in changed), *filter(None, acting), *quoted]
    return next(iter(candidates), None)


def _changed(args: TrainingArguments) -> Iterator[tuple[str, Any]]:
    """Yield the options that have not their default value."""
    for field in dataclasses.fields(args):
        value: Any = getattr(args, field.name)
        default = field.default_factory() if callable(field.default_factory) else field.default
        if value != default and field.name not in {"output_dir", "seed"}:
            single = value[0] if isinstance(value, list) and len(value) == 1 else value
            yield field.name, getattr(single, "value", single)
