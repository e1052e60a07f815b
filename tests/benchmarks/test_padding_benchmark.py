import numpy as np
import pytest
from benchmarks.comparisons.notes import notes, numbered
from benchmarks.comparisons.padding import Filled, batches_of, filled

from equipoise.collate import Collator
from equipoise.data import infer_tasks


def test_filled_counts_what_the_collator_pads():
    rng = np.random.default_rng(0)
    inputs, targets = rng.integers(1, 40, 96), rng.integers(1, 9, 96)
    batches = list(batches_of(rng.permutation(96)))
    tokens, width = np.zeros(2), np.zeros(2)
    for batch in batches:
        blank = {"task_id": 0, "label_id": 0, "example_weight": 1.0, "row": 0}
        items = [{"input_ids": np.ones(inputs[r]), "labels": np.ones(targets[r]), **blank} for r in batch]
        padded = Collator(pad_id=0)(items)
        tokens += [int(padded["attention_mask"].sum()), int((padded["labels"] != -100).sum())]
        width += [padded["input_ids"].numel(), padded["labels"].numel()]
    found = filled(batches, inputs, targets)
    assert found == Filled(tokens.sum() / width.sum(), *(tokens / width))
    assert str(Filled(0.8, 0.857, 1.0)) == "80.0 (85.7 / 100.0)"


def test_a_last_batch_that_is_not_whole_is_refused():
    with pytest.raises(ValueError, match="reshape"):
        list(batches_of(range(33)))


def test_notes_are_of_one_label_and_spread_in_length():
    made, again = notes(), notes.__wrapped__()
    assert made.table.equals(again.table)
    assert not made.table.equals(notes.__wrapped__(seed=1).table)
    words = np.array([len(text.split()) for text in made.column("input").to_pylist()])
    assert np.quantile(words, 0.95) > 8 * np.quantile(words, 0.05)
    assert len(made) == 26_733


def test_numbers_stand_for_all_labels_that_have_training_rows():
    tasks = infer_tasks(notes(), numbered(notes()))
    assert {name: len(task.labels) for name, task in tasks.items()} == {
        "icd_chapter": 22,
        "icd_infection_block": 21,
        "icd_mental_block": 10,
        "icd_neoplasm_behavior": 6,
    }
    assert tasks["icd_chapter"].target_text("blood immune") == "1"
