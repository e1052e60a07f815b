"""Help texts, and what is filled in when one is shown: names of schemes and metrics, imported for that alone."""

from collections.abc import Callable
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand

if TYPE_CHECKING:
    from equipoise.base.schemes import Scheme


def examples(*commands: str) -> str:
    """Return the epilog of a help text that lists commands, one a line."""
    return "\n".join(("\b", "Examples:", *(f"  {command}" for command in commands)))


class Command(TyperCommand):
    """Fills {metrics} and the other names of `FILLED` in its help texts, only to show them."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.epilog = _filled(self.epilog)
        for option in self.params:
            if text := getattr(option, "help", None):
                option.help = _filled(text)  # pyright: ignore[reportAttributeAccessIssue]
        super().format_help(ctx, formatter)


def _filled(text: str | None) -> str | None:
    for name, filling in FILLED.items():
        if text is not None and name in text:
            try:
                text = text.replace(name, filling())
            except ModuleNotFoundError:  # metrics need scipy, which the core does without
                text = text.replace(name, "those that are listed here once equipoise[train] is installed")
    return text


def _listed(base: "type[Scheme]") -> str:
    """Return the schemes of a base in two columns."""
    rows = (line.partition(": ") for line in base.help().splitlines())
    return "\n".join(
        fill(text, 98, initial_indent=f"  {form:<25} ", subsequent_indent=" " * 28) for form, _, text in rows
    )


def _rates() -> str:
    from equipoise.rates import Rates

    return _listed(Rates)


def _weights() -> str:
    from equipoise.weights import ClassWeights

    return _listed(ClassWeights)


def _recipes() -> str:
    from equipoise.schedule import Recipe

    return _listed(Recipe)


def _rules() -> str:
    from equipoise.feedback import Feedback

    return _listed(Feedback)


def _candidates() -> str:
    from equipoise.config import default_trials

    return ", ".join(default_trials())


def _metrics() -> str:
    from equipoise.metrics import METRICS

    return ", ".join(each.name for each in METRICS.values() if each.decides)


def _answer_metrics() -> str:
    from equipoise.metrics import METRICS

    return ", ".join(each.name for each in METRICS.values() if each.chooses_tau)


FILLED: Final[dict[str, Callable[[], str]]] = {
    "{rates}": _rates,
    "{weights}": _weights,
    "{recipes}": _recipes,
    "{rules}": _rules,
    "{candidates}": _candidates,
    "{metrics}": _metrics,
    "{answer_metrics}": _answer_metrics,
}
