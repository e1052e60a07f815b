"""Labels with few test rows say so in the report, also where they are means over seeds."""

from types import SimpleNamespace
from typing import Any

from equipoise.compare.report.labels import gather, section
from equipoise.config import EvaluationConfig
from equipoise.metrics import TaskPredictions, evaluate
from equipoise.pages.page import HtmlTable

CONFIG = SimpleNamespace(evaluation=EvaluationConfig())


def test_few_rows_are_in_the_table_of_labels():
    def scores(said: list[str]) -> Any:
        part = TaskPredictions("t", ["a"] * 20 + ["b"] * 3, said, ("a", "b"))
        return evaluate({"t": part}, train_counts={"t": {"a": 90, "b": 9}}, bootstrap=0)

    seeds = (scores(["a"] * 22 + ["b"]), scores(["a"] * 21 + ["b"] * 2))
    part = gather(SimpleNamespace(scores={"natural": seeds}, config=CONFIG))  # pyright: ignore[reportArgumentType]
    frequent, rare = part.arms["natural"]
    assert (frequent.recall.rows, rare.recall.rows, rare.precision.rows, rare.f1.rows) == (None, 3, 1, 3)
    (table,) = (each for each in section(part).tables if isinstance(each, HtmlTable))
    notes = [cell.note for cell in table.rows[1]]
    assert [note.rpartition(", ")[2] for note in notes[4:7]] == ["3 rows", "1 row", "3 rows"]
    assert "rows" not in "".join(cell.note for cell in table.rows[0])
