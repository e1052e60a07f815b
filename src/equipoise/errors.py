"""The errors and warnings that Equipoise raises: one base class for each.

Every message names the thing, says what was expected and what was found, and says what to do. What it quotes from
data is escaped, so that a label cannot drive the terminal that shows it.
"""

from equipoise.escaping import message as safe_message


class EquipoiseError(Exception):
    """Base of every error that Equipoise raises on purpose."""

    def __init__(self, message: str = "") -> None:
        super().__init__(safe_message(message))


class DataError(EquipoiseError, ValueError):
    """A data file or table is not what it was said to be."""


class ConfigError(EquipoiseError, ValueError):
    """A configuration or an argument of the command line cannot be used."""


class PlanError(EquipoiseError, ValueError):
    """A census, a scheme or a plan asks for something that cannot be drawn."""


class StateError(EquipoiseError, ValueError):
    """A saved state does not belong to the plan, seed or dataset that it is loaded into."""


class RunError(EquipoiseError, RuntimeError):
    """A run directory, a checkpoint or a model cannot be used."""


class EquipoiseWarning(UserWarning):
    """Base of every warning that Equipoise gives."""

    def __init__(self, message: str = "") -> None:
        super().__init__(safe_message(message))


class DataWarning(EquipoiseWarning):
    """The data can be used, but something in it will surprise."""


class PlanWarning(EquipoiseWarning):
    """The plan can be drawn, but something in it will surprise."""


class RunWarning(EquipoiseWarning):
    """The run goes on, but something in its directory will surprise."""
