from collections import Counter

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.data import Records, TaskOptions, assign_splits
from equipoise.data.columns import SPLITS
from equipoise.errors import DataError


def make(targets: list[str], task: str = "t", **columns: list[str | None]) -> Records:
    rows = len(targets)
    return Records.from_dict(
        {"task": [task] * rows, "input": [f"{task} {i}" for i in range(rows)], "target": targets, **columns}
    )


def splits(records: Records, **arguments: object) -> list[str]:
    return assign_splits(records, **arguments).column("split").to_pylist()  # type: ignore[arg-type]


def test_the_splits_of_a_seed_never_change() -> None:
    """Golden values: a change of the hash or of the order would give every user another split."""
    letters = {"train": "r", "validation": "v", "test": "e"}
    grouped = splits(make(["a", "b"] * 6, group=[f"g{i // 2}" for i in range(12)]), seed=3)
    assert "".join(letters[split] for split in grouped[::2]) == "evrrrr"
    assert "".join(letters[split] for split in splits(make(["a", "b"] * 6))) == "rrrrrrverrev"


def test_rows_of_one_group_or_input_in_several_spellings_stay_together() -> None:
    numbers = [f"{i // 2}{'.0' * (i % 2)}" for i in range(80)]
    names = [f"ward\u00a0{i // 2}" if i % 2 else f"ward {i // 2}\u200b" for i in range(80)]
    for texts in (numbers, names):
        rows = make(["a", "b"] * 40, group=texts), make(["a", "b"] * 40).with_column("input", texts)
        for found in map(splits, rows):
            assert found[::2] == found[1::2]
            assert set(found) == set(SPLITS)


def test_fractions_are_met_in_every_stratum() -> None:
    records = make(["a"] * 700 + ["b"] * 200 + ["c"] * 100)
    counts = Counter(zip(records.column("target").to_pylist(), splits(records), strict=True))
    assert [[counts[label, split] for split in SPLITS] for label in "abc"] == [
        [490, 70, 140],
        [140, 20, 40],
        [70, 10, 20],
    ]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (4, (2, 1, 1)), (10, (7, 1, 2))],
)
def test_a_rare_label_is_in_train_then_test_then_validation(groups: int, expected: tuple[int, ...]) -> None:
    records = make(["common"] * 500 + ["rare"] * groups)
    counts = Counter(splits(records)[500:])
    assert tuple(counts[split] for split in SPLITS) == expected


@pytest.mark.parametrize("alike", [1, 9])
def test_groups_of_every_size_meet_the_fractions(alike: int) -> None:
    sizes = [size for size in range(1, 31) for _ in range(alike)]
    groups: list[str | None] = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    counts = Counter(splits(make(["a"] * len(groups), group=groups)))
    for split, fraction in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        assert abs(counts[split] - fraction * len(groups)) <= 3


def test_a_large_group_of_a_rare_label_goes_to_train() -> None:
    groups: list[str | None] = [f"c{i}" for i in range(500)] + ["big"] * 50 + ["small 1", "small 2"]
    records = make(["common"] * 500 + ["rare"] * 52, group=groups)
    for seed in range(5):
        assert splits(records, seed=seed)[500:550] == ["train"] * 50
        assert sorted(splits(records, seed=seed)[550:]) == ["test", "validation"]


def test_rare_strata_that_share_groups_all_reach_train() -> None:
    # b's groups both hold the only other group of a stratum that comes before it.
    groups: list[str | None] = ["1", "2", "2", "3", "3", "4"]
    records = make(["a", "a", "b", "b", "c", "c"], group=groups)
    for seed in range(20):
        chosen = splits(records, seed=seed)
        for label in "abc":
            rows = [i for i, target in enumerate(records.column("target").to_pylist()) if target == label]
            assert "train" in {chosen[row] for row in rows}


def test_a_group_is_kept_across_tasks() -> None:
    rows = [(task, f"{task} {i}", f"g{i % 30}") for task in ("s", "t") for i in range(90)]
    task, text, group = (list(values) for values in zip(*rows, strict=True))
    records = Records.from_dict({"task": task, "input": text, "target": ["a", "b", "c"] * 60, "group": group})
    by_group: dict[str, set[str]] = {}
    for name, split in zip(group, splits(records), strict=True):
        by_group.setdefault(name, set()).add(split)
    assert all(len(found) == 1 for found in by_group.values())
    assert len(by_group) == 30


@pytest.mark.parametrize("group", [None, [None] * 200])
def test_without_groups_the_rows_of_an_input_stay_together_across_tasks(group: list[str | None] | None) -> None:
    texts = [f"text {i % 50}" for i in range(200)]
    columns = {"task": ["s", "t"] * 100, "input": texts, "target": ["a", "b", "b", "a"] * 50}
    chosen = splits(Records.from_dict(columns if group is None else {**columns, "group": group}))
    found = set(zip(texts, chosen, strict=True))
    assert len(found) == 50
    assert {split for _, split in found} == set(SPLITS)


def test_a_group_with_the_name_of_an_input_is_something_else() -> None:
    # Were a group hashed as its name alone, "t 1" would be one unit with the lone row of that input.
    records = make(["a"] * 40, group=[f"t {i + 1}" if i % 2 == 0 else None for i in range(40)])
    chosen = [splits(records, seed=seed) for seed in range(10)]
    assert any(one[i] != one[i + 1] for one in chosen for i in range(0, 40, 2))


def test_another_seed_gives_another_split() -> None:
    records = make(["a", "b"] * 50)
    assert splits(records, seed=1) == splits(records, seed=1)
    assert splits(records, seed=1) != splits(records, seed=2)
    assert splits(records, seed=-1) != splits(records, seed=1)


def test_open_tasks_are_one_stratum() -> None:
    records = make([f"answer {i}" for i in range(1000)])
    assert Counter(splits(records)) == {"train": 700, "validation": 100, "test": 200}
    few = make([f"answer {i % 4}" for i in range(8)])
    assert Counter(splits(few, options={"t": TaskOptions(kind="open_ended")})) == {
        "train": 5,
        "validation": 1,
        "test": 2,
    }
    labels = {"t": TaskOptions(kind="classification")}
    assert Counter(splits(make([f"{i}" for i in range(9)]), options=labels)) == {"train": 9}


def test_rows_without_target_are_a_stratum() -> None:
    records = Records.from_dict(
        {"task": ["t"] * 20, "input": [f"{i}" for i in range(20)], "target": ["a"] * 10 + [None] * 10}
    )
    counts = Counter(splits(records)[10:])
    assert tuple(counts[split] for split in SPLITS) == (7, 1, 2)


def test_a_fraction_of_zero_gets_nothing() -> None:
    records = make(["a", "b", "b"] * 20)
    assert set(splits(records, fractions=(0.8, 0, 0.2))) == {"train", "test"}
    assert set(splits(records, fractions=(1, 0, 0))) == {"train"}


@pytest.mark.parametrize("fractions", [(0.7, 0.1, 0.1), (0.0, 0.5, 0.5), (1.1, -0.1, 0.0), (float("nan"), 0.5, 0.5)])
def test_fractions_must_be_fractions(fractions: tuple[float, ...]) -> None:
    with raises(DataError, "bad-fractions", "`fractions` must sum to 1"):
        splits(make(["a"]), fractions=fractions)


def test_other_arguments_must_be_right() -> None:
    with raises(DataError, "bad-fractions", "found 2 values"):
        splits(make(["a"]), fractions=(0.5, 0.5))
    with raises(DataError, "not-an-integer", "`seed`", "found 0.5"):
        splits(make(["a"]), seed=0.5)
    with raises(DataError, "splits-exist", "`split`"):
        splits(make(["a"], split=["train"]))
    with raises(DataError, "no-rows", "to split"):
        splits(make(["a"]).take(np.array([], dtype=np.int64)))


@pytest.mark.slow
def test_many_groups_with_counts_of_their_own_take_seconds() -> None:
    rng = np.random.default_rng(0)
    rows, groups = 400_000, 100_000
    group = rng.integers(0, groups, rows)
    task = rng.integers(0, 8, rows)
    label = (rng.random(rows) ** 4 * 20).astype(np.int64)
    records = Records.from_dict(
        {
            "task": [f"t{i}" for i in task],
            "input": [f"x{i}" for i in range(rows)],
            "target": [f"l{i}" for i in label],
            "group": [f"g{i}" for i in group],
        }
    )
    chosen = np.array(splits(records))
    cells = Counter(zip(task.tolist(), label.tolist(), chosen.tolist(), strict=True))
    for (one, other), total in Counter(zip(task.tolist(), label.tolist(), strict=True)).items():
        for split, fraction in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
            assert abs(cells[one, other, split] - fraction * total) <= 3
