"""The stratum of every record."""

from collections.abc import Mapping

from equipoise.data import Records, Task


def strata_of(records: Records, tasks: Mapping[str, Task]) -> tuple[list[str], list[str | None]]:
    """Task and label of every record; an open-ended task has no label.

    Examples
    --------
    >>> records = Records.from_dict({"task": ["a", "b"], "input": ["x", "y"], "target": ["no", "free text"]})
    >>> strata_of(records, {"a": Task("a", "classification", ("no",)), "b": Task("b", "open")})
    (['a', 'b'], ['no', None])
    """
    names: list[str] = records.column("task").to_pylist()
    targets: list[str] = records.column("target").to_pylist()
    is_open = {name: task.kind == "open" for name, task in tasks.items()}
    labels = [None if is_open[name] else target for name, target in zip(names, targets, strict=True)]
    return names, labels
