"""The words of the interface: messages name parameters of Python, and the command has options and keys for them."""

import re
from typing import Final

_COLUMN: Final = re.compile(r"`Columns\((task|input|target|group)=\.\.\.\)`")
_KEY: Final = re.compile(r"`(?:Columns|Limits)\(([a-z_]+)=\.\.\.\)`")
_ARGUMENT: Final = re.compile(r"`(delimiter|encoding|missing_labels)=([^`]*)`")
_SPLITS: Final = re.compile(r"`splits=(\{[^`]*\})`")
_WEIGHTS: Final = re.compile(r"`(target_)?weights`(?= has no labels)")
_PASSES: Final = re.compile(r"`max_passes`(?= names )")
_OPTION: Final = re.compile(r"`(split|method)`(?= must be )")
_KEYS: Final = {"split": "columns", "id": "columns", "tasks": "columns"}
_PLAIN: Final = {
    "`default_task=...`": "`--default-task NAME` (`data.default_task`)",
    "`require_target=False`": "`equipoise predict`",
    " and use `assign_splits()`": ": `equipoise` splits the rows, and keeps groups together",
    "do not name them in `open_ended_tasks` (in a configuration: `tasks.NAME.kind: classification`)": "say so by"
    " `--set tasks.NAME.kind=classification`",
    "`doublequote=True`": "`doublequote=True` (pandas)",
}


def of_command(message: str) -> str:
    """Return a message with the options of the command, and the keys of a configuration, for parameters of Python.

    Examples
    --------
    >>> of_command("Name another column with `Columns(input=...)`.")
    'Name another column with `--input-column NAME` (`data.columns.input`).'
    >>> of_command("Read the file with `delimiter=';'` and a larger `Limits(row_bytes=...)`.")
    "Read the file with `--set data.delimiter=';'` and a larger `--set data.limits.row_bytes=...`."
    """
    message = _COLUMN.sub(r"`--\1-column NAME` (`data.columns.\1`)", message)
    message = _KEY.sub(lambda found: f"`--set data.{_KEYS.get(found[1], 'limits')}.{found[1]}=...`", message)
    message = _ARGUMENT.sub(r"`--set data.\1=\2`", message)
    message = _SPLITS.sub(r'`--set data.splits="\1"`', message)  # a mapping has spaces
    message = _WEIGHTS.sub(r"`plan.\1weights`", message)
    message = _PASSES.sub("`--max-passes` (`plan.max_passes`)", message)
    message = _OPTION.sub(r"`--\1`", message)
    for ours, theirs in _PLAIN.items():
        message = message.replace(ours, theirs)
    return message
