"""What a numpydoc docstring says: its summary, and the description of each field or parameter."""

import inspect
import re
from typing import Final

_SECTION: Final = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}$", re.MULTILINE)
_FIELDS: Final = ("Parameters", "Attributes")


def summary_of(documented: object) -> str:
    """Return the first paragraph of a docstring as one line, in Markdown.

    Examples
    --------
    >>> class Shape:
    ...     '''A shape, or ``none``.
    ...
    ...     More about it.
    ...     '''
    >>> summary_of(Shape)
    'A shape, or `none`.'
    """
    return _markdown((inspect.getdoc(documented) or "").partition("\n\n")[0])


def descriptions_of(documented: object) -> dict[str, str]:
    """Return what a docstring says of each parameter and attribute, each as one line, in Markdown.

    Examples
    --------
    >>> class Shape:
    ...     '''A shape.
    ...
    ...     Attributes
    ...     ----------
    ...     width, height : int
    ...         In metres,
    ...         and ``int``.
    ...     '''
    >>> descriptions_of(Shape)
    {'width': 'In metres, and `int`.', 'height': 'In metres, and `int`.'}
    """
    parts = _SECTION.split(inspect.getdoc(documented) or "")
    found: dict[str, str] = {}
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        if title not in _FIELDS:
            continue
        for entry in re.split(r"\n(?=\S)", text.strip("\n")):
            head, _, described = entry.partition("\n")
            for name in head.partition(" : ")[0].split(","):
                found[name.strip().lstrip("*")] = _markdown(described)
    return found


def _markdown(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
