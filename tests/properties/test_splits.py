"""Properties of splits that hold whatever the groups, the labels and the order of the rows."""

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.data import Records, TaskOptions, assign_splits
from equipoise.data.columns import SPLITS

CLOSED = {task: TaskOptions(kind="classification") for task in "ab"}


@st.composite
def grouped_records(draw: st.DrawFn) -> Records:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from("ab"),
                st.integers(0, 5),
                st.one_of(st.none(), st.integers(0, 12)),
                st.integers(0, 30),
            ),
            min_size=1,
            max_size=60,
        )
    )
    tasks = sorted({task for task, *_ in rows})
    assert tasks
    return Records.from_dict(
        {
            "task": [task for task, *_ in rows],
            "input": [f"text {text}" for *_, text in rows],
            "target": [f"label {label}" for _, label, _, _ in rows],
            "group": [None if group is None else f"group {group}" for _, _, group, _ in rows],
        }
    )


def options(records: Records) -> dict[str, TaskOptions]:
    return {task: CLOSED[task] for task in records.tasks}


def units(records: Records) -> list[str]:
    columns = records.table.to_pydict()
    return [
        f"g{group}" if group else f"i{text}" for group, text in zip(columns["group"], columns["input"], strict=True)
    ]


@given(records=grouped_records(), seed=st.integers(-5, 5))
@settings(deadline=None)
def test_groups_are_never_cut_and_every_row_has_a_split(records: Records, seed: int) -> None:
    chosen = assign_splits(records, seed=seed, options=options(records)).column("split").to_pylist()
    assert set(chosen) <= set(SPLITS)
    found = defaultdict(set)
    for unit, split in zip(units(records), chosen, strict=True):
        found[unit].add(split)
    assert all(len(splits) == 1 for splits in found.values())


@given(records=grouped_records(), seed=st.integers(0, 3), data=st.data())
@settings(deadline=None)
def test_the_order_of_the_rows_does_not_matter(records: Records, seed: int, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(records)))))
    straight = np.array(assign_splits(records, seed=seed, options=options(records)).column("split").to_pylist())
    shuffled = assign_splits(records.take(order), seed=seed, options=options(records)).column("split").to_pylist()
    assert straight[order].tolist() == shuffled


@given(records=grouped_records(), seed=st.integers(0, 3))
@settings(deadline=None)
def test_every_label_is_in_train(records: Records, seed: int) -> None:
    split = assign_splits(records, seed=seed, options=options(records)).table.to_pydict()
    cells = list(zip(split["task"], split["target"], split["split"], strict=True))
    trained = {(task, label) for task, label, name in cells if name == "train"}
    assert trained == {(task, label) for task, label, _ in cells}


@given(
    counts=st.lists(st.integers(1, 200), min_size=1, max_size=8),
    fractions=st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.25, 0.25), (0.8, 0.1, 0.1), (0.9, 0.0, 0.1)]),
    seed=st.integers(0, 3),
)
@settings(max_examples=50, deadline=None)
def test_single_rows_meet_the_fractions_of_every_label(
    counts: list[int], fractions: tuple[float, float, float], seed: int
) -> None:
    targets = [f"label {label}" for label, count in enumerate(counts) for _ in range(count)]
    rows = len(targets)
    records = Records.from_dict({"task": ["a"] * rows, "input": [f"{i}" for i in range(rows)], "target": targets})
    chosen = assign_splits(records, fractions=fractions, seed=seed, options={"a": CLOSED["a"]}).column("split")
    found = Counter(zip(targets, chosen.to_pylist(), strict=True))
    for label, count in enumerate(counts):
        for split, fraction in zip(SPLITS, fractions, strict=True):
            # One row for rounding, one for a split that a rare label must reach, one for the total.
            assert abs(found[f"label {label}", split] - fraction * count) <= 3
        wanted = [split for split, fraction in zip(SPLITS, fractions, strict=True) if fraction]
        if count >= len(wanted):
            assert all(found[f"label {label}", split] for split in wanted)


@given(sizes=st.lists(st.integers(1, 4), min_size=40, max_size=120), seed=st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_groups_of_several_rows_approach_the_fractions(sizes: list[int], seed: int) -> None:
    groups = [f"group {number}" for number, size in enumerate(sizes) for _ in range(size)]
    rows = len(groups)
    labels = [f"label {i % 3}" for i in range(rows)]
    records = Records.from_dict(
        {"task": ["a"] * rows, "input": [f"{i}" for i in range(rows)], "target": labels, "group": groups}
    )
    chosen = assign_splits(records, seed=seed, options={"a": CLOSED["a"]}).column("split").to_pylist()
    found = Counter(chosen)
    for split, fraction in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        assert abs(found[split] - fraction * rows) <= 5
    by_label = Counter(zip(labels, chosen, strict=True))
    for label in set(labels):
        assert abs(by_label[label, "train"] - 0.7 * labels.count(label)) <= 5
