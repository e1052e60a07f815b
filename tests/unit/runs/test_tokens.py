"""What is tokenised before the first step."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.collate.test_collate import RECORDS, TASKS, word_tokenizer

from equipoise import Census, Plan
from equipoise.collate import EncodedExamples
from equipoise.collate.store import TokenStore
from equipoise.drawing import Shard
from equipoise.runs.tokens import rows_drawn, tokenise_if_mostly_drawn

PLAN = Plan.build(Census.from_arrow(RECORDS.table, open_ended_tasks=("say",)), "proportional", "natural")


@pytest.mark.parametrize(("draws", "there"), [(2, 0), (3, 6), (600, 6)])
def test_all_rows_are_tokenised_if_half_of_them_are_drawn(
    tmp_path: Path, draws: int, there: int, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = EncodedExamples.on_demand(RECORDS, TASKS, word_tokenizer(), tmp_path)
    tokenise_if_mostly_drawn(examples, PLAN, draws, Shard())
    assert np.count_nonzero(TokenStore(tmp_path, 6).heads(np.arange(6))[:, 0] >= 0) == there
    assert capsys.readouterr().out == ""


def test_no_more_rows_are_drawn_than_there_are() -> None:
    assert rows_drawn(PLAN, 3) == pytest.approx(3)
    assert rows_drawn(PLAN, 600) == pytest.approx(6)
