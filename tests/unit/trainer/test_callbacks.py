"""What transformers warns of is kept where it says something."""

import logging

import pytest
from torch import nn

from equipoise.trainer.callbacks import silent_about_tied_parameters


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = self.second = nn.Linear(2, 2)
        self.other = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["second.weight", "first.bias"], 0),
        (["second.weight", "other.weight"], 1),
        (["unknown.weight"], 1),
    ],
)
def test_missing_keys_are_told_unless_all_are_tied(
    caplog: pytest.LogCaptureFixture, names: list[str], told: int
) -> None:
    logger = logging.getLogger("transformers.trainer")
    model = Tied()
    with silent_about_tied_parameters(lambda: model), caplog.at_level(logging.WARNING, "transformers"):
        logger.warning(f"There were missing keys in the checkpoint model loaded: {names}.")  # noqa: G004
        logger.warning("Something else.")
    assert len(caplog.records) == told + 1
    caplog.clear()
    logger.warning(f"There were missing keys in the checkpoint model loaded: {names}.")  # noqa: G004
    assert len(caplog.records) == 1, "only inside"
