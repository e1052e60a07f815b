"""What the checks found, as values and as text."""

from dataclasses import dataclass
from textwrap import fill
from typing import Literal

from equipoise.errors import EquipoiseError

Status = Literal["passed", "failed", "skipped"]


class SamplerCheckError(EquipoiseError, AssertionError):
    """A sampler breaks promises of the contract; the message lists them all."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    Parameters
    ----------
    check : str
        Its name.
    status : {"passed", "failed", "skipped"}
    found : str
        What the sampler did, if it failed; the reason, if the check was skipped; else empty.
    expected, harm : str
        What was promised, and what goes wrong in training otherwise.
    error : Exception, optional
        The error that the sampler raised, if that is the failure.
    """

    check: str
    status: Status
    found: str
    expected: str
    harm: str
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class SamplerReport:
    """What all checks found; as a string, a table and then each failure.

    Parameters
    ----------
    results : tuple of CheckResult
    """

    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> list[str]:
        """Names of the checks that the sampler passed."""
        return [result.check for result in self.results if result.status == "passed"]

    @property
    def failed(self) -> list[str]:
        """Names of the checks that it failed."""
        return [result.check for result in self.results if result.status == "failed"]

    @property
    def skipped(self) -> dict[str, str]:
        """The reason of each check that was skipped."""
        return {result.check: result.found for result in self.results if result.status == "skipped"}

    def failures(self) -> str:
        """Return all failures as text: what was expected, what was found, and the harm."""
        lines: list[str] = []
        for result in self.results:
            if result.status == "failed":
                lines.append(result.check)
                for name, text in (("expected", result.expected), ("found", result.found), ("harm", result.harm)):
                    lines.append(fill(f"{name + ':':9} {text}.", 110, initial_indent="  ", subsequent_indent=" " * 12))
        return "\n".join(lines)

    def __str__(self) -> str:
        width = max((len(result.check) for result in self.results), default=0)
        lines = [
            f"{result.check:{width}}  {result.status}" + (f": {result.found}" if result.status == "skipped" else "")
            for result in self.results
        ]
        return "\n".join(lines) + ("\n\n" + self.failures() if self.failed else "")
