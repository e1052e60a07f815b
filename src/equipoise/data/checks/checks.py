"""Check the content of records before they are used."""

from collections.abc import Mapping
from typing import Final

from equipoise.base.problems import Problem
from equipoise.data.checks.content_errors import field_errors, row_errors
from equipoise.data.checks.content_warnings import content_warnings
from equipoise.data.records import Records
from equipoise.data.tasks import Kind, Task

_INFERRED: Final[Mapping[str, Task]] = {}


def check_records(records: Records, tasks: Mapping[str, Task] = _INFERRED) -> list[Problem]:
    """Find errors in the content of records, and what may surprise.

    Parameters
    ----------
    records : Records
        With or without splits; checks that need splits run if there are any.
    tasks : mapping of str to Task
        Says which tasks are classifications; the kind of others is inferred as in `infer_tasks`.

    Returns
    -------
    list of Problem
        Errors first. Their codes: empty-task, empty-input, empty-target, unknown-split, duplicate-id,
        group-in-two-splits. Codes of warnings: similar-spellings, one-class, conflicting-targets,
        rows-without-group, duplicates-across-splits, empty-split, task-without-training-rows,
        label-without-training-rows, label-not-measured.

    Examples
    --------
    >>> records = Records.from_dict(
    ...     {"task": ["nli"] * 4, "input": list("abcd"), "target": ["yes", "Yes", "yes", "Yes"]}
    ... )
    >>> for problem in check_records(records):
    ...     print(problem)
    warning (similar-spellings): Labels of task `nli` differ only in case or spaces: 'Yes', 'yes'. If they mean
    the same, spell them alike.
    """
    errors = [*field_errors(records), *row_errors(records)]
    kinds: dict[str, Kind] = {name: task.kind for name, task in tasks.items()}
    if any(problem.code == "unknown-split" for problem in errors):
        return errors  # the warnings need known splits
    return [*errors, *content_warnings(records, kinds)]
