"""A comparison is no training of several ranks."""

from pathlib import Path

from tests.support.errors import raises

from equipoise.compare.engine import compare
from equipoise.config import make_comparison
from equipoise.errors import ConfigError


def test_a_comparison_on_several_ranks_is_refused(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    config = make_comparison({"data": {"source": str(tmp_path / "rows.jsonl")}})
    with raises(ConfigError, "several-ranks", "WORLD_SIZE=2"):
        compare(config, tmp_path / "out", command="", log=print)
    assert not (tmp_path / "out").exists()
