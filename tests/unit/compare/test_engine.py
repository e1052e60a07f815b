"""What a comparison refuses before it reads any data."""

import pytest
from tests.support.errors import raises

from equipoise.compare.engine import compare
from equipoise.config import make_comparison
from equipoise.errors import ConfigError, PlanError


@pytest.mark.parametrize(
    ("loss", "error", "code", "found"),
    [
        ("focl", PlanError, "unknown-name", "focl"),
        ({"name": "focal", "gama": 1}, ConfigError, "unknown-option", "gama"),
        ({"name": "focal", "level": "label", "gamma": -1}, PlanError, "out-of-range", "gamma"),
    ],
)
def test_a_loss_that_cannot_be_made_is_refused_before_anything_is_trained(tmp_path, loss, error, code, found) -> None:
    config = make_comparison(
        {"data": {"source": str(tmp_path / "missing.jsonl")}, "compare": {"candidates": {"mine": {"loss": loss}}}}
    )
    with raises(error, code, "`compare.candidates.mine`: ", found):
        compare(config, tmp_path / "out", command="", log=print)
    assert not (tmp_path / "out").exists()
