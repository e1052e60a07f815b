"""How the report names metrics and writes numbers: the same in every table, picture and format."""

from collections.abc import Iterable
from dataclasses import dataclass

from equipoise.metrics import Estimate

MINUS = "\N{MINUS SIGN}"
NOT_MEASURED = "n/a"


@dataclass(frozen=True)
class Metric:
    """How a metric is called, and what it says to who has never met it."""

    name: str
    gloss: str
    less_is_better: bool = False

    @property
    def unit(self) -> bool:
        """Whether it is from 0 to 1."""
        return self.gloss.startswith("from 0 to 1,")


METRICS = {
    "macro_f1": Metric(
        "macro-F1", "from 0 to 1, more is better: F1 joins what is found of a label with how often the answer is right,"
        " and every label counts the same, however rare"
    ),
    "balanced_accuracy": Metric(
        "balanced accuracy", "from 0 to 1, more is better: the part of each label's rows that is found, and every label"
        " counts the same, however rare"
    ),
    "worst_recall": Metric(
        "worst recall of a label", "from 0 to 1, more is better: the part of its rows that is found of the label that"
        " is found least"
    ),
    "expected_cost": Metric("expected cost", "less is better: the mean cost of the answers, by the costs given", True),
    "log_loss": Metric(
        "log-loss", "less is better: the mean of minus the logarithm of the probability given to the right label, which"
        " punishes a model that is sure and wrong", True
    ),
    "accuracy": Metric("accuracy", "from 0 to 1, more is better: the part of the rows that is right"),
    "ece": Metric(
        "calibration error", "from 0 to 1, less is better: how far the model's certainty is from how often it is right",
        True
    ),
    "brier": Metric(
        "Brier score", "less is better: the mean squared distance of the probabilities from the right answer", True
    ),
    "mcc": Metric("Matthews correlation", "from -1 to 1, more is better; 0 is chance"),
    "g_mean": Metric("geometric mean of recalls", "from 0 to 1, more is better: 0 if one label is never found"),
    "recall_many": Metric("recall of frequent labels", "of labels with more than 100 training rows, more is better"),
    "recall_medium": Metric("recall of medium labels", "of labels with 20 to 100 training rows, more is better"),
    "recall_few": Metric("recall of rare labels", "of labels with fewer than 20 training rows, more is better"),
    "exact_match": Metric("exact match", "from 0 to 1, more is better: the part of the texts that is right in full"),
    "rouge_l": Metric("ROUGE-L", "from 0 to 1, more is better: the longest common part of the words"),
    "bleu": Metric("BLEU", "from 0 to 100, more is better: common runs of up to four words"),
}  # fmt: skip
MAIN = (
    "macro_f1", "balanced_accuracy", "worst_recall", "expected_cost", "log_loss", "ece", "accuracy", "exact_match",
    "rouge_l", "bleu",
)  # fmt: skip


def title_of_metric(key: str) -> Metric:
    """Give the words for a metric; one that is not known here is called by its own name."""
    return METRICS.get(key) or Metric(key.replace("_", " "), "")


def chosen(metric: str, found: Iterable[str]) -> tuple[str, ...]:
    """Choose the metrics to show of those found: the metric first.

    Examples
    --------
    >>> chosen("log_loss", ["g_mean", "log_loss", "macro_f1"])
    ('log_loss', 'macro_f1')
    """
    known = set(found)
    return tuple(key for key in dict.fromkeys((metric, *MAIN)) if key in known)


def capital(text: str) -> str:
    """Begin a sentence.

    Examples
    --------
    >>> capital("log-loss of x")
    'Log-loss of x'
    """
    return text[:1].upper() + text[1:]


def number(value: float | None, digits: int = 3) -> str:
    r"""Write a number.

    Examples
    --------
    >>> number(0.25), number(-0.5) == "\N{MINUS SIGN}0.500", number(None)
    ('0.250', True, 'n/a')
    """
    return NOT_MEASURED if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    r"""Write a difference.

    Examples
    --------
    >>> signed(0.25), signed(-0.5) == "\N{MINUS SIGN}0.500"
    ('+0.250', True)
    """
    return NOT_MEASURED if value is None else f"{value:+.3f}".replace("-", MINUS)


def interval(estimate: Estimate) -> str:
    """Write the interval of an estimate; empty without one.

    Examples
    --------
    >>> interval(Estimate(0.5, 0.25, 0.75)), interval(Estimate(0.5))
    ('0.250 to 0.750', '')
    """
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{number(estimate.low)} to {number(estimate.high)}"


def p_value(value: float) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_value(0.03125), p_value(1e-9)
    ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def counted(count: int, one: str, many: str = "") -> str:
    """Write how many of something there are.

    Examples
    --------
    >>> counted(1, "seed"), counted(2000, "draw")
    ('1 seed', '2,000 draws')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(names: Iterable[str], most: int = 8) -> str:
    """Write names one after the other, and how many more there are.

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
    """Write how long something took.

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
