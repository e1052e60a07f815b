"""Labels as they are streamed for a census: codes where the file has codes, and never another value."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise.data import iter_labels
from equipoise.data.readers.parquet import Parquet
from equipoise.errors import DataError

ROWS = 40_000


def write(path: Path, group: int, **columns: object) -> Path:
    whole = {"task": ["t"] * ROWS, "input": ["x"] * ROWS, "target": ["y"] * ROWS, **columns}
    pq.write_table(pa.table(whole), path, row_group_size=group)
    return path


def labels_of(path: Path, **options: object) -> list[str]:
    return [label for table in iter_labels(path, **options) for label in table["label"].to_pylist()]


@pytest.mark.parametrize("distinct", [3, 70, 5000])
@pytest.mark.parametrize("group", [100, 20_000, ROWS])
def test_coded_columns_hold_what_plain_ones_do(tmp_path: Path, distinct: int, group: int) -> None:
    # 64 rows a batch: some dictionaries grow too large in the first batch, others in the middle of a row group.
    texts = [f"label {int(distinct * random.Random(n).random() ** 2)}" for n in range(ROWS)]
    path = write(tmp_path / "rows.parquet", group, target=texts, task=[text[-1] for text in texts])
    batches = list(Parquet(path, batch_rows=64).batches(["target", "task"], []))
    assert [text for batch in batches for text in batch["target"].to_pylist()] == texts
    assert [text for batch in batches for text in batch["task"].to_pylist()] == [text[-1] for text in texts]


def test_labels_that_repeat_are_not_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", ROWS, target=["long label " * 9, "another"] * (ROWS // 2))
    for batch in Parquet(path).batches(["target"], []):
        assert pa.types.is_dictionary(batch["target"].type)
        assert batch.nbytes < 5 * len(batch)


def test_texts_that_do_not_repeat_are_not_collected(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"target": [f"answer {n}" for n in range(ROWS)]}), path, use_dictionary=False)
    batches = list(Parquet(path, batch_rows=1000).batches(["target"], []))
    assert sum(len(batch) for batch in batches) == ROWS
    assert max(batch.nbytes for batch in batches) < 100_000  # a dictionary of all of them takes 500,000
    assert pa.types.is_string(batches[-1]["target"].type)


@pytest.mark.parametrize("split", [None, "train", "test"])
def test_splits_are_told_from_codes(tmp_path: Path, split: str | None) -> None:
    splits = ["train", "dev", "Test", "train"] * (ROWS // 4)
    targets = [str(n % 7) for n in range(ROWS)]
    path = write(tmp_path / "rows.parquet", ROWS, target=targets, split=splits)
    wanted = [target for target, of in zip(targets, splits, strict=True) if split in {None, of.lower()}]
    assert labels_of(path, split=split) == wanted


@pytest.mark.parametrize("bad", [None, " ", ""])
def test_an_empty_label_is_placed(tmp_path: Path, bad: str | None) -> None:
    path = write(tmp_path / "rows.parquet", ROWS, target=["y"] * (ROWS - 3) + [bad, "y", "y"])
    with raises(DataError, "empty-target", f"rows.parquet: row {ROWS - 2}:", "`target`"):
        labels_of(path)


def test_a_default_task_fills_gaps(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", ROWS, task=[None, "t"] * (ROWS // 2))
    (batch,) = iter_labels(path, default_task="d")
    assert batch["task"].to_pylist() == ["d", "t"] * (ROWS // 2)
    with raises(DataError, "empty-task", "row 1", "`task`"):
        labels_of(path)
