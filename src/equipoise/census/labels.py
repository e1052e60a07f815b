"""Labels as people hold them: strings, numbers, booleans, class numbers, in a column of any library or in examples.

What is missing (None, NaN, NA, a masked value, a blank string, the class number -1) is no label, and never becomes one.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from equipoise.base.arrow import Complain, as_coded_text, is_blank, nan_as_null, pc
from equipoise.errors import ConfigError, DataError, DataWarning, PlanError

MissingLabels = Literal["error", "skip"]
"""What is done with examples without a label, of tasks that have labels."""
Labels = str | int | Callable[[Any], Any] | Sequence[Any] | None
"""Of one dataset: a column's name or the place in an example, a function of an example, the labels, or none at all."""
_NOT_A_VALUE: Final = frozenset(
    {"NAType", "NaTType", "MaskedConstant"}
)  # of pandas and numpy, by the name of the class


def check_missing_labels(missing_labels: object) -> None:
    """Raise a ConfigError unless it is "error" or "skip"."""
    if missing_labels not in {"error", "skip"}:
        message = f'`missing_labels` must be "error" or "skip", found {missing_labels!r}.'
        raise ConfigError("unknown-option", message)


def warn_skipped(skipped: Mapping[str, int], rows: int, stacklevel: int = 3) -> None:
    """Warn of how many of `rows` rows are skipped, and of which tasks; not if none are."""
    if count := sum(skipped.values()):
        tasks = sorted(task for task, number in skipped.items() if number)
        shown = ", ".join(f"{task!r} {skipped[task]:,}" for task in tasks[:5])
        more = f" and {len(tasks) - 5} more tasks" if tasks[5:] else ""
        message = f"{count:,} of {rows:,} rows have no label and are skipped: {shown}{more}."
        warnings.warn(DataWarning("missing-labels", message), stacklevel=stacklevel)


def coded_labels(values: Any, name: str, classes: Sequence[str] | None = None) -> pa.DictionaryArray:
    """Return a flat column as strings, dictionary-encoded; a missing value (None, NaN, NA, blank) is a null code.

    Parameters
    ----------
    values : sequence, ndarray, tensor, Series, Arrow array or Hugging Face column
        Strings, or integers, booleans and floats, which become strings as `equipoise.base.arrow.as_text` makes them.
        Class numbers of a Hugging Face ClassLabel become the names of the classes, and -1 is missing.
    name : str
        The argument, for messages.
    classes : sequence of str, optional
        The names of class numbers, if `values` itself does not have them.

    Raises
    ------
    DataError
        If it is not flat, or a value is none of these.

    Examples
    --------
    >>> coded_labels(np.array([True, False, True]), "labels").dictionary.to_pylist()
    ['true', 'false']
    >>> coded_labels([3, None, 3], "labels").indices.to_pylist()
    [0, None, 0]
    """
    if classes is None:
        classes = getattr(getattr(values, "features", None), "names", None)  # of a column of a Hugging Face dataset
    try:
        column = _arrow_column(values)
    except (TypeError, ValueError, UnicodeError, pa.ArrowException) as error:
        message = f"`{name}` must be one string, integer or boolean for each row, found others ({error!s:.200})."
        raise DataError("bad-value", f"{message} Convert them to strings.") from None
    if classes is not None:
        numbers = column.to_numpy()
        missing = np.isnan(numbers.astype(np.float64)) | (numbers == -1)
        unnamed = np.flatnonzero(~missing & ((numbers < 0) | (numbers >= len(classes))))
        if unnamed.size:
            message = (
                f"`{name}`: row {unnamed[0]} is class {numbers[unnamed[0]]}, but the features name {len(classes)}."
            )
            raise DataError("bad-value", f"{message} Make the dataset again with all names.")
        codes = pa.array(np.where(missing, 0, numbers).astype(np.int32), mask=missing)
        return pa.DictionaryArray.from_arrays(codes, pa.array(classes, pa.large_string()))
    return coded_column(
        column,
        lambda row, problem: DataError("bad-value", f"`{name}`{'' if row is None else f': row {row}'} {problem}"),
    )


def coded_column(column: pa.ChunkedArray, complain: Complain) -> pa.DictionaryArray:
    """Return an Arrow column as `as_coded_text` does; NaN and blank strings are null codes too.

    Examples
    --------
    >>> coded_column(pa.chunked_array([["a", " ", None]]), lambda _, problem: DataError("bad", problem)).to_pylist()
    ['a', None, None]
    """
    coded = as_coded_text(nan_as_null(column), complain)
    blank = is_blank(pa.chunked_array([coded.dictionary]))
    if not pc.any(blank).as_py():
        return coded
    codes = pc.if_else(blank.take(coded.indices), pa.scalar(None, pa.int32()), coded.indices)
    return pa.DictionaryArray.from_arrays(codes.combine_chunks(), coded.dictionary)


def coded_tasks(values: Any) -> pa.DictionaryArray:
    """Return the tasks of rows as `coded_labels` does; a PlanError if one is missing."""
    coded = coded_labels(values, "tasks")
    if coded.null_count:
        row = coded.is_null().index(pa.scalar(value=True)).as_py()
        message = f"`tasks` must name a task for each row, found none in {coded.null_count}, the first in row {row}."
        raise PlanError("missing-task", message)
    return coded


def _arrow_column(values: Any) -> pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        return values
    if hasattr(values, "detach"):  # a tensor
        values = values.detach().cpu().numpy()
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    if not isinstance(values, pa.Array):
        if isinstance(values, str):
            raise TypeError(f"the string {values!r:.40}")
        if not hasattr(values, "dtype"):  # scalars of torch know their item
            values = [
                None if _is_missing(value) else value.item() if hasattr(value, "item") else value for value in values
            ]
        values = pa.array(values, from_pandas=True)
    return pa.chunked_array([values])


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in _NOT_A_VALUE


def plain_label(value: Any) -> Any:
    """Return one label as the string that `coded_labels` makes of it, and a missing one as None.

    A value that is no label is returned as it is.

    Examples
    --------
    >>> plain_label(np.int64(3)), plain_label(True), plain_label(2.0), plain_label(float("nan"))
    ('3', 'true', '2.0', None)
    """
    if _is_missing(value):
        return None
    if isinstance(value, str):
        return str(value) if value.strip() else None
    if hasattr(value, "item") and not isinstance(value, np.floating):  # numpy writes narrow floats shortly
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else str(value)
    return str(value) if isinstance(value, int) else value


def labels_of(dataset: Any, labels: Labels, task: str, missing_labels: MissingLabels = "error") -> pa.DictionaryArray:
    """Return the label of each example of a dataset of one task, in the dataset's order.

    Parameters
    ----------
    dataset : Dataset, data frame, Arrow table or sequence
        Has a length, and columns by name or examples by number.
    labels : str, int, callable, sequence or None
        A column's name, or the place of the label in an example that is a tuple; a function of an example; or the
        labels themselves. None: the task is open-ended.
    task : str
        Its name, for messages.
    missing_labels : {"error", "skip"}
        "skip": some may be missing, and are null codes.

    Raises
    ------
    DataError
        If the labels are not found, are not as many as the examples, or one is missing, or all are.
    """
    if not hasattr(dataset, "__len__"):
        message = f"the dataset of task {task!r} must have a length, found {type(dataset).__name__}."
        raise DataError("no-length", f"{message} Data that are read in order are mixed by `equipoise.iterable`.")
    rows = len(dataset)
    if labels is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.large_string()))
    if isinstance(labels, str | int):
        found = _column(dataset, labels, task)
    else:
        found = [labels(dataset[row]) for row in range(rows)] if callable(labels) else labels
    coded = coded_labels(found, f"labels[{task!r}]")
    if len(coded) != rows:
        message = f"`labels[{task!r}]` must be one for each of the {rows} examples, found {len(coded)}."
        raise DataError("wrong-length", message)
    if coded.null_count and (missing_labels == "error" or coded.null_count == rows):
        row = coded.is_null().index(pa.scalar(value=True)).as_py()
        raise DataError(
            "missing-labels",
            f"task {task!r} must have a label for each example, found none in {coded.null_count} of {rows}, the first "
            f"in row {row}. Leave those rows out of the dataset or, if others have labels, skip them by "
            f'`missing_labels="skip"`; or pass None as `labels[{task!r}]` for an open-ended task.',
        )
    return coded


def _column(dataset: Any, name: str | int, task: str) -> Any:
    names = getattr(dataset, "column_names", getattr(dataset, "columns", None))
    try:
        if names is not None and name in list(names):
            return dataset[name]
        return [dataset[row][name] for row in range(len(dataset))]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        known = "" if names is None else f" It has {', '.join(map(str, names))}."
        message = f"the examples of task {task!r} must have the label {name!r}, found none ({error!r:.120}).{known}"
        raise DataError(
            "missing-column", f"{message} Pass a column's name, a function of an example, or labels."
        ) from None
