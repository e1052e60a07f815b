"""Numbers that pages promise in words are those of the program."""

import inspect
from pathlib import Path

import pytest

from equipoise.config import VALIDATIONS, default_trials
from equipoise.data.readers.parquet import Parquet
from equipoise.drawing.inner import _COMPILE_AFTER
from equipoise.errors import MOST_CHARACTERS
from equipoise.metrics.intervals import FEW_ROWS
from equipoise.plan.forecast import MANY_PASSES
from equipoise.plan.suggested import LEAST_DRAWS, MOST_PASSES
from equipoise.runs.answers import MOST_SCORED
from equipoise.runs.samples import ROWS_PER_STRATUM, ROWS_TO_SCORE, ROWS_TO_WATCH
from equipoise.runs.tracking import MOST_LABELS
from equipoise.trainer.checkpoints.lock import locked
from equipoise.trainer.ranks import AGREE_WITHIN, PATIENCE, TOLD

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "said", "found", "expected"),
    [
        ("crashes", "at most 10 minutes, how long they wait for each other", AGREE_WITHIN, 600),
        ("crashes", "A second process waits ten seconds", inspect.signature(locked).parameters["seconds"].default, 10),
        ("crashes", "the others end within a minute", TOLD + PATIENCE < 60, True),
        ("security", "A message has at most 20,000 characters", MOST_CHARACTERS, 20_000),
        (
            "security",
            "decoded in batches of 65,536 rows",
            inspect.signature(Parquet).parameters["batch_rows"].default,
            65_536,
        ),
        ("guide", "It warns above 20 passes; above 100 passes", (MANY_PASSES, MOST_PASSES), (20, 100)),
        ("guide", "of fewer than 10,240 rows it is more", LEAST_DRAWS, 10_240),
        ("guide", "by default there are eight validations", VALIDATIONS, 8),
        ("methods", "up to 20 rows of each label, 512 in all", (ROWS_PER_STRATUM, ROWS_TO_WATCH), (20, 512)),
        ("methods", "estimated on up to 1,024 rows", ROWS_TO_SCORE, 1024),
        ("guide", "with up to 100 labels", MOST_LABELS, 100),
        ("guide", "are at most 2²⁰", MOST_SCORED, 2**20),
        ("guide", "numbers from fewer than 10 rows say so", FEW_ROWS, 10),
        ("guide", "tries nineteen candidates", len(default_trials()), 19),
        ("how-drawing-works", "once two million draws have been made", _COMPILE_AFTER // 10**6, 2),
    ],
)
def test_a_number_of_a_page_is_that_of_the_program(page, said, found, expected):
    assert said in " ".join((DOCS / f"{page}.md").read_text("utf-8").split())
    assert found == expected
