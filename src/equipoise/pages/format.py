"""Numbers, intervals and names as text: the same in every table, plot and format."""

import math
from collections.abc import Iterable

from equipoise.metrics import METRICS, Estimate
from equipoise.pages.page import Cell, Head

MINUS = "\N{MINUS SIGN}"
NOT_MEASURED = "n/a"


def chosen(metric: str, found: Iterable[str]) -> tuple[str, ...]:
    """Return those of the metrics found that reports show: the one that decides first, then as in the table.

    Examples
    --------
    >>> chosen("log_loss", ["g_mean", "log_loss", "macro_f1"])
    ('log_loss', 'macro_f1')
    """
    known = set(found)
    shown = (key for key, each in METRICS.items() if each.shown != "file")
    return tuple(key for key in dict.fromkeys((metric, *shown)) if key in known)


def capital(text: str) -> str:
    """Return a string with a capital letter at its beginning.

    Examples
    --------
    >>> capital("log-loss of x")
    'Log-loss of x'
    """
    return text[:1].upper() + text[1:]


def number(value: float | None, digits: int = 3) -> str:
    r"""Format a number.

    Examples
    --------
    >>> number(0.25), number(-0.5) == "\N{MINUS SIGN}0.500", number(None)
    ('0.250', True, 'n/a')
    """
    return NOT_MEASURED if value is None else f"{value:,.{digits}f}".replace("-", MINUS)


def ratio(value: float | None) -> str:
    """Format how many times one number is another: a digit after the point only where it says something.

    Examples
    --------
    >>> ratio(2.25), ratio(5947.0), ratio(None)
    ('2.2', '5,947', 'n/a')
    """
    return number(value, 0 if value is not None and value >= 100 else 1)


def signed(value: float | None) -> str:
    r"""Format a difference, with its sign.

    Examples
    --------
    >>> signed(0.25), signed(-0.5) == "\N{MINUS SIGN}0.500"
    ('+0.250', True)
    """
    return NOT_MEASURED if value is None else f"{value:+.3f}".replace("-", MINUS)


def interval(estimate: Estimate) -> str:
    """Format the interval of an estimate, and the number of rows where these are few; empty without both.

    Examples
    --------
    >>> interval(Estimate(0.5, 0.25, 0.75)), interval(Estimate(0.5, 0.0, 1.0, rows=2)), interval(Estimate(0.5))
    ('0.250 to 0.750', '0.000 to 1.000, 2 rows', '')
    """
    ends = estimate.low is not None and estimate.high is not None
    parts = [f"{number(estimate.low)} to {number(estimate.high)}"] if ends else []
    return ", ".join([*parts, *([] if estimate.rows is None else [counted(estimate.rows, "row")])])


def ends(estimate: Estimate, point: bool = False) -> tuple[float, float, float]:
    """Return value, low and high for a plot; NaN where not measured, or with `point` the value itself."""
    value = math.nan if estimate.value is None else estimate.value
    low, high = ((value if point else math.nan) if each is None else each for each in (estimate.low, estimate.high))
    return value, low, high


def cells(*values: Cell | Estimate | str | float | None) -> list[Cell]:
    """Return a row of a table: strings as they are, numbers as text, estimates with their intervals.

    Examples
    --------
    >>> [cell.text for cell in cells("skin", 2000, 0.25, None)]
    ['skin', '2,000', '0.250', 'n/a']
    """
    return [_cell(value) for value in values]


def _cell(value: Cell | Estimate | str | float | None) -> Cell:
    if isinstance(value, Cell):
        return value
    if isinstance(value, str):
        return Cell(value)
    if isinstance(value, Estimate):
        return Cell(number(value.value), interval(value), number=value.value)
    return Cell(f"{value:,}" if isinstance(value, int) else number(value), number=value)


def heads(*texts: Head | str, left: str = "") -> list[Head]:
    """Return the heads of a table; the column named `left` has names, not numbers."""
    return [Head(each, left=each == left) if isinstance(each, str) else each for each in texts]


def arm_heads(arms: Iterable[str], *before: str) -> list[Head]:
    """Return heads of columns for one or two candidates, in their colours, each text behind those before it."""
    return [Head(", ".join((*before, arm)), tone) for arm, tone in zip(arms, ("first", "second"), strict=False)]


def p_value(value: float) -> str:
    """Format a p-value.

    Examples
    --------
    >>> p_value(0.03125), p_value(1e-9)
    ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def counted(count: int, one: str) -> str:
    """Format a number of things.

    Examples
    --------
    >>> counted(1, "seed"), counted(2000, "draw")
    ('1 seed', '2,000 draws')
    """
    return f"{count:,} {one if count == 1 else one + 's'}"


def listed(names: Iterable[str], most: int = 8) -> str:
    """Join names, and count those beyond the first few.

    Examples
    --------
    >>> listed("abc"), listed("abcd", most=2)
    ('a, b, c', 'a, b and 2 more')
    """
    held = list(names)
    if len(held) <= most:
        return ", ".join(held)
    return f"{', '.join(held[:most])} and {len(held) - most} more"


def duration(seconds: float) -> str:
    """Format a duration.

    Examples
    --------
    >>> duration(42.4), duration(610), duration(7300)
    ('42 s', '10 min 10 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
