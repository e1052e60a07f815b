"""Comparisons with invented predictions, made once for all tests that only read them."""

import shutil
from pathlib import Path

import pytest
from tests.support import comparisons as made


@pytest.fixture(scope="session")
def comparison_of(tmp_path_factory):
    """Give the directory of a comparison by its kind; not to be changed."""
    kinds = {
        "clinic": {},
        "one-seed": {"seeds": (0,), "shown": "inconclusive"},
        "hostile": {"tasks": made.HOSTILE, "seeds": (0, 1)},
        "open": {"tasks": made.OPEN, "seeds": (0, 1), "recommended": "sqrt", "shown": "inconclusive"},
        "mixed": {"tasks": made.MIXED, "seeds": (0, 1), "validated": False, "shown": "worse"},
        "many": {"tasks": made.MANY, "seeds": (0, 1), "recommended": "natural", "shown": "baseline"},
        "one-task": {"tasks": made.ONE_TASK, "seeds": (0, 1, 2), "metric": "log_loss"},
    }
    found: dict[str, Path] = {}

    def give(kind: str) -> Path:
        if kind not in found:
            found[kind] = made.write_comparison(tmp_path_factory.mktemp(kind) / "comparison", **kinds[kind])
        return found[kind]

    return give


@pytest.fixture
def copy_of(comparison_of, tmp_path):
    """Give a copy of a comparison that may be changed, without the reports that other tests wrote."""

    def give(kind: str) -> Path:
        without = shutil.ignore_patterns("report.*")
        return Path(shutil.copytree(comparison_of(kind), tmp_path / "copy", ignore=without))

    return give
