"""An index of several datasets, one a task, in the order of their concatenation."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from tests.support.errors import raises, warns
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset

from equipoise import Census, Plan, PlanSampler, Stratum, StratumIndex, draws
from equipoise.errors import DataError, DataWarning, PlanError


class Notes(Dataset):
    """Examples that are mappings, read one by one."""

    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        return {"label": self.labels[row], "row": row}


TRIAGE = Notes(["urgent", "routine", "routine"])
SEPSIS = Notes([1, 0, 0, 0])


def test_rows_are_those_of_the_concatenation():
    datasets = {"triage": TRIAGE, "sepsis": SEPSIS}  # not as their names are sorted
    index = StratumIndex.from_datasets(datasets)
    assert index.census().to_dict() == {"sepsis": {"0": 3, "1": 1}, "triage": {"routine": 2, "urgent": 1}}
    plan = Plan.build(index.census())
    joined = ConcatDataset(datasets.values())
    sampler = PlanSampler(plan, index, draws_per_epoch=plan.block)
    of_sepsis = 0
    for batch in DataLoader(joined, batch_size=64, sampler=sampler, collate_fn=list):
        of_sepsis += sum(example["label"] in {0, 1} for example in batch)
    assert of_sepsis == plan.block / 2
    urgent = index.rows(np.array([plan.position_of("triage", "urgent")]), np.array([0]))
    assert joined[int(urgent[0])] == {"label": "urgent", "row": 0}


@pytest.mark.parametrize(
    ("dataset", "labels", "expected"),
    [
        (Notes([torch.tensor(1), torch.tensor(0)]), "label", {"0": 1, "1": 1}),
        (Subset(TRIAGE, [2, 0]), "label", {"routine": 1, "urgent": 1}),
        (TensorDataset(torch.zeros(3, 2), torch.tensor([0, 1, 0])), 1, {"0": 2, "1": 1}),
        ([("a text", "x"), ("another", "y")], 1, {"x": 1, "y": 1}),
        ([{"y": 3}, {"y": 4}], lambda example: example["y"] > 3, {"false": 1, "true": 1}),
        (["no labels in it", "nor here"], ["x", "x"], {"x": 2}),
        (pd.DataFrame({"label": ["u", "v"]}, index=[7, 9]), "label", {"u": 1, "v": 1}),
        (pa.table({"label": [True, False]}), "label", {"false": 1, "true": 1}),
        (["free text", "more", "and more"], None, 3),
    ],
)
def test_labels_are_found_in_datasets_of_every_sort(dataset, labels, expected):
    index = StratumIndex.from_datasets({"other": TRIAGE, "t": dataset}, {"other": "label", "t": labels})
    assert index.census().to_dict()["t"] == expected
    assert len(index) == 3 + len(dataset)


def test_labels_are_found_in_hugging_face_datasets_by_name():
    datasets = pytest.importorskip("datasets", reason="a Hugging Face dataset")
    features = datasets.Features({"label": datasets.ClassLabel(names=["no", "yes"])})
    data = datasets.Dataset.from_dict({"label": [0, 1, 1]}, features=features)
    assert StratumIndex.from_datasets({"t": data}).census().to_dict() == {"t": {"no": 1, "yes": 2}}
    shuffled = data.select([2, 1])
    assert StratumIndex.from_datasets({"t": shuffled}).census().to_dict() == {"t": {"yes": 2}}
    missing = datasets.Dataset.from_dict({"label": [0, -1]}, features=features)
    with raises(DataError, "missing-labels", "in 1 of 2, the first in row 1"):
        StratumIndex.from_datasets({"t": missing})


def test_labels_are_found_in_data_frames_of_polars():
    pl = pytest.importorskip("polars", reason="a data frame of polars")
    assert StratumIndex.from_datasets({"t": pl.DataFrame({"label": [1, 2]})}).census().labels("t") == ("1", "2")


@pytest.mark.parametrize(
    ("datasets", "labels", "kind", "code", "part"),
    [
        ([TRIAGE], "label", PlanError, "not-a-mapping", "found list"),
        ({}, "label", PlanError, "not-a-mapping", "0 long"),
        ({"t": TRIAGE}, {"s": "label"}, PlanError, "other-tasks", "['t'], found ['s']"),
        ({"t": TRIAGE}, "lable", DataError, "missing-column", "must have the label 'lable'"),
        ({"t": pd.DataFrame({"y": [1]})}, "label", DataError, "missing-column", "It has y."),
        ({"t": ["a text"]}, "label", DataError, "missing-column", "must have the label 'label'"),
        ({"t": TRIAGE}, {"t": ["x"]}, DataError, "wrong-length", "each of the 3 examples, found 1"),
        ({"t": Notes(["a", None])}, "label", DataError, "missing-labels", "pass None as `labels['t']`"),
        ({"t": Notes([None, None])}, "label", DataError, "missing-labels", "in 2 of 2"),
        ({"t": iter([1])}, "label", DataError, "no-length", "found list_iterator"),
    ],
)
def test_what_has_no_labels_is_refused(datasets, labels, kind, code, part):
    with raises(kind, code, part):
        StratumIndex.from_datasets(datasets, labels)


def test_an_index_of_other_strata_is_refused_though_the_counts_agree():
    census = Census.from_counts({"sepsis": 3, "triage": 3})
    named = StratumIndex.from_datasets({"a": TRIAGE, "b": TRIAGE}, {"a": None, "b": None})
    with raises(PlanError, "other-strata", "Stratum(task='a', label=None)", "Plan.build(index.census())"):
        PlanSampler(Plan.build(census), named)
    with raises(PlanError, "no-strata", "`from_datasets`"):
        StratumIndex.from_codes([0, 1]).census()


def test_sizes_are_taken_in_an_order_that_can_be_checked():
    census = Census.from_counts({"sepsis": 3, "triage": 3, "unused": 0})
    plan = Plan.build(census)
    for source in (census, plan):
        index = StratumIndex.from_sizes(source)
        assert index.strata == (Stratum("sepsis", None), Stratum("triage", None), Stratum("unused", None))
        assert index.census() == census
        assert len(draws(plan, index, 0, 0, 5)) == 5
    with raises(PlanError, "unnamed-sizes", "StratumIndex.from_sizes(plan)"):
        StratumIndex.from_sizes([3, 3])
    swapped = StratumIndex.from_sizes([1, 5])
    with raises(PlanError, "other-counts"):
        draws(Plan.build(Census.from_counts({"a": 5, "b": 1})), swapped, 0, 0, 5)


def test_rows_without_a_label_are_skipped_if_so_chosen():
    notes = Notes(["urgent", None, "routine"])
    letters = Notes([None] * 2)
    labels = {"triage": "label", "letters": None, "sepsis": [1, float("nan"), 0]}
    with warns(DataWarning, "missing-labels") as caught:
        index = StratumIndex.from_datasets(
            {"triage": notes, "letters": letters, "sepsis": Notes([0] * 3)}, labels, missing_labels="skip"
        )
    assert [str(one.message) for one in caught] == [
        "2 of 8 rows have no label and are skipped: 'sepsis' 1, 'triage' 1."
    ]
    assert caught[0].filename == __file__
    assert index.census().to_dict() == {
        "letters": 2,
        "sepsis": {"0": 1, "1": 1},
        "triage": {"routine": 1, "urgent": 1},
    }
    assert (index.order.tolist(), index.dataset_rows) == ([3, 4, 7, 5, 2, 0], 8)
    rows = ConcatDataset([notes, letters, Notes([0] * 3)])
    drawn = list(PlanSampler(Plan.build(index.census()), index, draws_per_epoch=64))
    assert set(drawn) == {0, 2, 3, 4, 5, 7}
    assert len(rows) == index.dataset_rows


def test_a_task_without_any_label_is_not_skipped_nor_open_ended():
    for missing in ("error", "skip"):
        with raises(DataError, "missing-labels", "in 2 of 2", "pass None as `labels['t']`"):
            StratumIndex.from_datasets({"t": Notes([None, ""]), "s": SEPSIS}, missing_labels=missing)
