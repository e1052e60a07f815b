import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from tests.support.errors import raises

from equipoise.data import Columns, count_files, iter_labels, read_records
from equipoise.errors import DataError

datasets = pytest.importorskip("datasets")
# `datasets` leaves memory-mapped files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def dataset(**columns: object) -> "datasets.Dataset":
    rows = {"task": ["t"] * 4, "input": list("abcd"), "target": [0, 1, 2, 3], **columns}
    return datasets.Dataset.from_dict({key: value for key, value in rows.items() if value is not None})


def test_a_dataset_is_read_through_its_indices() -> None:
    chosen = dataset().filter(lambda row: row["target"] != 1).select([2, 0])
    assert read_records(chosen).column("input").to_pylist() == ["d", "a"]
    assert [row["label"] for batch in iter_labels(chosen) for row in batch.to_pylist()] == ["3", "0"]


def test_class_labels_are_read_by_name() -> None:
    named = dataset().cast_column("target", datasets.ClassLabel(names=["p", "q", "r", "s"]))
    assert read_records(named).column("target").to_pylist() == ["p", "q", "r", "s"]


def test_minus_one_is_no_class() -> None:
    hidden = dataset(target=[0, 1, -1, 0]).cast_column("target", datasets.ClassLabel(names=["p", "q"]))
    with raises(DataError, "empty-target", "Dataset: row 3", "`target`"):
        read_records(hidden)
    assert read_records(hidden, require_target=False).column("target").to_pylist() == ["p", "q", None, "p"]


def test_the_keys_of_a_dataset_dict_are_splits() -> None:
    whole = datasets.DatasetDict(train=dataset().select([0, 1]), validation=dataset().select([2]))
    records = read_records(whole)
    assert records.column("split").to_pylist() == ["train", "train", "validation"]
    assert [row["label"] for batch in iter_labels(whole, split="validation") for row in batch.to_pylist()] == ["2"]


def test_a_named_split_column_comes_before_the_keys() -> None:
    whole = datasets.DatasetDict(train=dataset(part=["train", "dev", "test", "test"], split=["test"] * 4))
    assert set(read_records(whole).column("split").to_pylist()) == {"train"}
    by_column = read_records(whole, Columns(split="part")).column("split").to_pylist()
    assert by_column == ["train", "validation", "test", "test"]


def test_a_key_that_is_no_split_is_refused() -> None:
    with raises(DataError, "unknown-split", "DatasetDict", "`test_matched`"):
        read_records(datasets.DatasetDict(test_matched=dataset()))


def test_saved_datasets_are_read_from_their_folders(tmp_path: Path) -> None:
    dataset().save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict(train=dataset(), test=dataset()).save_to_disk(str(tmp_path / "two"))
    assert len(read_records(tmp_path / "one")) == 4
    assert read_records(tmp_path / "two").column("split").to_pylist() == ["train"] * 4 + ["test"] * 4


def test_a_broken_saved_dataset_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    dataset().save_to_disk(str(folder))
    (folder / "state.json").write_text("{")
    with raises(DataError, "damaged-file", "one: cannot be loaded"):
        read_records(folder)


@pytest.mark.parametrize(
    ("columns", "code", "message"),
    [
        ({"target": ["y", None, "y", "y"]}, "empty-target", "Dataset: row 2: column `target` is empty"),
        ({"target": [["y"]] * 4}, "bad-value", "Dataset: column `target` has the type list"),
        ({"target": None}, "missing-column", "Dataset: column `target` is missing, found `task`, `input`"),
    ],
)
def test_bad_content_is_placed(columns: dict[str, object], code: str, message: str) -> None:
    with raises(DataError, code, message):
        read_records(dataset(**columns))


def test_group_in_two_splits_is_placed_by_key() -> None:
    whole = datasets.DatasetDict(train=dataset(group=list("abcd")), test=dataset(group=list("efag")))
    with raises(DataError, "group-in-two-splits", "DatasetDict['train']: row 1", "DatasetDict['test']: row 3"):
        read_records(whole)


def test_a_streamed_dataset_is_refused() -> None:
    with raises(DataError, "streamed-dataset", "IterableDataset"):
        read_records(dataset().to_iterable_dataset())


def test_files_are_read_without_importing_datasets(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("task,input,target\nt,x,y\n")
    code = (
        "import sys; from equipoise.data import read_records; "
        f"read_records({str(path)!r}); print(sorted({{'datasets', 'torch'}} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def in_memory(data: "datasets.Dataset", _: Path) -> object:
    return data


def saved(data: "datasets.Dataset", folder: Path) -> object:
    data.save_to_disk(str(folder / "saved"))
    return folder / "saved"


def parquet(data: "datasets.Dataset", folder: Path) -> object:
    data.to_parquet(str(folder / "hub.parquet"))
    return folder / "hub.parquet"


def arrow(data: "datasets.Dataset", _: Path) -> object:
    return data.with_format("arrow")[:].replace_schema_metadata(data.features.arrow_schema.metadata)


@pytest.mark.parametrize("kept", [in_memory, saved, parquet, arrow])
def test_class_labels_have_their_names_wherever_they_are_kept(tmp_path: Path, kept) -> None:
    names = datasets.ClassLabel(names=["negative", "positive"])
    source = kept(dataset(target=[0, 1, 1, 0]).cast_column("target", names), tmp_path)
    assert read_records(source).column("target").to_pylist() == ["negative", "positive", "positive", "negative"]
    assert count_files(source).to_dict() == {"t": {"negative": 2, "positive": 2}}
    tasks = dataset(target=[0, 1, 1, 0], task=[0, 1, 1, 0]).cast_column("task", names)
    assert read_records(kept(tasks, tmp_path)).tasks == ("negative", "positive")
    hidden = kept(dataset(target=[0, 1, -1, 0]).cast_column("target", names), tmp_path)
    assert read_records(hidden, require_target=False).column("target").to_pylist()[2] is None
    for read in (read_records, count_files):
        with raises(DataError, "empty-target", "row 3: column `target` is empty"):
            read(hidden)


@pytest.mark.parametrize(
    "features",
    [b"\xff", b"{", b"[]", b'{"info": 3}', b'{"info": {"features": {"target": {"names": 5, "_type": "ClassLabel"}}}}',
     b'{"info": {"features": {"target": {"names": ["a"], "_type": "Value"}}}}',
     b'{"info": {"features": {"target": {"names": [1, 2], "_type": "ClassLabel"}}}}'],
)  # fmt: skip
def test_metadata_that_are_no_features_are_ignored(features: bytes) -> None:
    table = pa.table({"task": ["t"], "input": ["x"], "target": [0]}, metadata={"huggingface": features})
    assert read_records(table).column("target").to_pylist() == ["0"]


@pytest.mark.parametrize("code", [2, -2])
def test_a_class_without_a_name_is_placed(code: int) -> None:
    features = b'{"info": {"features": {"target": {"names": ["a", "b"], "_type": "ClassLabel"}}}}'
    columns = {"task": ["t"] * 2, "input": ["x"] * 2, "target": [0, code]}
    with raises(DataError, "bad-value", f"row 2: column `target` is {code}, but its features have 2 class names"):
        read_records(pa.table(columns, metadata={"huggingface": features}))


def test_keys_of_other_splits_are_mapped() -> None:
    whole = datasets.DatasetDict(train=dataset(), held_out=dataset(), dev=dataset())
    with raises(DataError, "unknown-split", "`held_out`", "splits={"):
        read_records(whole)
    splits = read_records(whole, splits={"held_out": "validation", "dev": "test"}).column("split").to_pylist()
    assert splits == ["train"] * 4 + ["validation"] * 4 + ["test"] * 4
