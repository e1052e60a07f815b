"""The level of intervals and tests."""

from equipoise.errors import ConfigError


def check_confidence(confidence: float) -> None:
    """Refuse a confidence level outside (0, 1).

    Parameters
    ----------
    confidence : float
        For example 0.95.

    Raises
    ------
    ConfigError
        If it is not above 0 and below 1.
    """
    if not 0 < confidence < 1:
        raise ConfigError(
            "wrong-confidence", f"`confidence` must be above 0 and below 1, found {confidence}. Use 0.95."
        )
