"""`--max-passes` in words of the command: one number, or one for each task or label."""

from typing import Any

from equipoise.errors import ConfigError

FORMS = "4, rare_task=20,*=4 or rare_task:yes=20,*=4"
ELSEWHERE = """Tasks and labels with `,`, `:` or `=`: --set 'plan.max_passes={"a:b": 20, "*": 4}'."""


def read_passes(text: str) -> float | dict[str, Any]:
    """Read limits of passes, as `plan.max_passes` takes them.

    Parameters
    ----------
    text : str
        A number; or ``TASK=N`` and ``TASK:LABEL=N``, separated by commas, "*" being the tasks, or the labels of a
        task, that are not named.

    Raises
    ------
    ConfigError
        If it is something else, or a task or label is given twice.

    Examples
    --------
    >>> read_passes("4"), read_passes("rare=20,*=4"), read_passes("rare:yes=20,rare:*=10,*=4")
    (4.0, {'rare': 20.0, '*': 4.0}, {'rare': {'yes': 20.0, '*': 10.0}, '*': 4.0})
    """
    if "=" not in text:
        return _number(text, text)
    limits: dict[str, Any] = {}
    for part in text.split(","):
        place, _, value = (each.strip() for each in part.rpartition("="))
        task, colon, label = (each.strip() for each in place.partition(":"))
        if not task or (colon and not label) or "=" in place:
            raise ConfigError("bad-limits", f"`--max-passes` must look like {FORMS}, found {part!r:.80}. {ELSEWHERE}")
        of_task = limits.setdefault(task, {}) if colon else limits
        key = label if colon else task
        if not isinstance(of_task, dict) or key in of_task:
            hint = "Give each task one number, or numbers of its labels (`TASK:*=N` is that of the others)."
            raise ConfigError("duplicate-limit", f"`--max-passes` limits {task!r} twice, in {text!r:.200}. {hint}")
        of_task[key] = _number(value, part)
    return limits


def _number(value: str, found: str) -> float:
    try:
        return float(value)
    except ValueError:
        message = f"`--max-passes` must look like {FORMS}, found {found!r:.80}. {ELSEWHERE}"
        raise ConfigError("not-a-number", message) from None
