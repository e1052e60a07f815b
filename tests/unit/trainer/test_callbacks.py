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


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["second.weight", "first.bias"], 0),
        (["second.weight", "other.weight"], 1),
        (["unknown.weight"], 1),
    ],
)
def test_missing_keys_are_told_unless_all_are_tied(names: list[str], told: int) -> None:
    logger, heard = logging.getLogger("transformers.trainer"), Heard()
    model = Tied()
    logger.addHandler(heard)  # not of pytest: some versions of transformers pass nothing on to the root
    try:
        with silent_about_tied_parameters(lambda: model):
            logger.warning(f"There were missing keys in the checkpoint model loaded: {names}.")  # noqa: G004
            logger.warning("Something else.")
        assert len(heard.records) == told + 1
        logger.warning(f"There were missing keys in the checkpoint model loaded: {names}.")  # noqa: G004
        assert len(heard.records) == told + 2, "only inside"
    finally:
        logger.removeHandler(heard)
