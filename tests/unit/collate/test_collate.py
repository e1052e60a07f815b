"""Encoding records and padding batches."""

import pickle
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.support.errors import raises, warns
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch.utils.data import DataLoader
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from equipoise.census import Census
from equipoise.collate import Collator, EncodedExamples, Ragged, encode_targets
from equipoise.data import Records, Task
from equipoise.errors import ConfigError, DataError, DataWarning
from equipoise.plan import Plan
from equipoise.rates import Equal
from equipoise.weights import Power

WORDS = ["<pad>", "</s>", "<unk>", "tone", "topic", ":", "fine", "dull", "good", "bad", "sport", "news", "a", "b"]
PAD, EOS = 0, 1


class CountingTokenizer(PreTrainedTokenizerFast):
    """Remembers every text that it was asked for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        asked = self.__dict__.setdefault("asked", [])
        texts = kwargs.get("text") or kwargs.get("text_target") or args[0]
        asked += [] if texts in (["a"], ["x"]) else texts  # these find out how the tokenizer writes
        return super().__call__(*args, **kwargs)


def word_tokenizer(eos: bool = True) -> CountingTokenizer:
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    if eos:
        words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", EOS)])
    return CountingTokenizer(tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


TONE = Task("tone", "classification", ("bad", "good"))
TOPIC = Task("topic", "classification", ("n", "s"), verbalisers={"n": "news", "s": "sport"})
SAY = Task("say", "open_ended", prompt="{input}")
TASKS = {"tone": TONE, "topic": TOPIC, "say": SAY}
RECORDS = Records.from_dict(
    {
        "task": ["topic", "tone", "tone", "say", "topic", "tone"],
        "input": ["fine", "fine", "dull", "a b", "fine", "fine"],
        "target": ["s", "good", "bad", "b a", "n", "good"],
    }
)


def ids(*words: str) -> list[int]:
    return [WORDS.index(word) for word in words]


def encoded(**options: Any) -> EncodedExamples:
    return EncodedExamples.encode(RECORDS, TASKS, word_tokenizer(), **options)


def test_rows_without_any_target():
    table = pa.table({"task": ["tone", "say"], "input": ["fine", "a b"], "target": pa.nulls(2, pa.string())})
    examples = EncodedExamples.encode(Records(table), TASKS, word_tokenizer())
    assert [examples[row]["labels"].tolist() for row in range(2)] == [[], []]
    assert examples.truncated_targets == 0


def test_example():
    example = encoded()[0]
    assert example["input_ids"].tolist() == ids("topic", ":", "fine", "</s>")
    assert example["labels"].tolist() == ids("sport", "</s>")
    del example["input_ids"], example["labels"]
    assert example == {"task_id": 2, "label_id": 1, "example_weight": 1.0, "row": 0}


def test_task_id_is_the_place_among_the_sorted_tasks_and_label_id_that_in_the_task():
    examples = encoded()
    assert examples.tasks == ("say", "tone", "topic")
    assert examples.task_ids.tolist() == [2, 1, 1, 0, 2, 1]
    assert examples.label_ids.tolist() == [1, 1, 0, -1, 0, 1]
    assert examples.rows_of("tone").tolist() == [1, 2, 5]
    assert [tokens.tolist() for tokens in examples.inputs([3, 0])] == [
        ids("a", "b", "</s>"),
        ids("topic", ":", "fine", "</s>"),
    ]


def test_each_distinct_text_is_tokenised_once():
    tokenizer = word_tokenizer()
    examples = EncodedExamples.encode(RECORDS, TASKS, tokenizer)
    asked = tokenizer.__dict__["asked"]
    assert sorted(asked) == sorted(
        ["topic: fine", "tone: fine", "tone: dull", "a b", "sport", "news", "good", "bad", "b a"]
    )
    assert len(examples.tokens.inputs) == 4


def test_texts_that_two_tasks_render_alike_are_stored_once():
    records = Records.from_dict({"task": ["x", "y"], "input": ["fine", "fine"], "target": ["a", "b"]})
    tasks = {name: Task(name, "classification", ("a", "b"), prompt="{input}") for name in "xy"}
    examples = EncodedExamples.encode(records, tasks, word_tokenizer())
    assert len(examples.tokens.inputs) == 1
    assert len(examples) == 2


def test_arrays_are_small():
    examples = encoded()
    assert examples.tokens.inputs.values.dtype == examples.tokens.targets.values.dtype == np.int32
    assert examples.tokens.input_codes.dtype == examples.task_ids.dtype == examples.label_ids.dtype == np.int32
    assert examples.example_weights.dtype == np.float32


def test_lengths():
    examples = encoded()
    assert examples.input_lengths.tolist() == [len(examples[i]["input_ids"]) for i in range(6)]
    assert examples.target_lengths.tolist() == [len(examples[i]["labels"]) for i in range(6)]


def test_labels_end_with_the_end_of_sequence_even_if_the_tokenizer_adds_none():
    rows = encode_targets(word_tokenizer(eos=False), ["good", "b a"])
    assert [rows[i].tolist() for i in range(2)] == [ids("good", "</s>"), ids("b", "a", "</s>")]
    assert all(encoded()[i]["labels"][-1] == EOS for i in range(6))


def test_long_inputs_are_cut_counted_and_warned_of():
    with warns(DataWarning, "cut-inputs") as caught:
        examples = encoded(max_input=3)
    assert "5 of 6 inputs have more than `max_input`=3 tokens" in str(caught[0].message)
    assert (examples.truncated_inputs, examples.truncated_targets) == (5, 0)
    assert examples[0]["input_ids"].tolist() == ids("topic", ":", "</s>")
    assert examples[3]["input_ids"].tolist() == ids("a", "b", "</s>")


def test_nothing_is_said_when_nothing_is_cut():
    examples = encoded(max_input=4, max_target=3)
    assert (examples.truncated_inputs, examples.truncated_targets) == (0, 0)


def test_long_open_targets_are_cut_and_counted():
    with warns(DataWarning, "cut-targets") as caught:
        examples = encoded(max_target=2)
    assert "1 of 6 targets have more than `max_target`=2 tokens" in str(caught[0].message)
    assert examples.truncated_targets == 1
    assert examples[3]["labels"].tolist() == ids("b", "</s>")


def test_a_label_is_never_cut():
    task = Task("tone", "classification", ("bad", "good"), verbalisers={"good": "good a b"})
    records = RECORDS.where(task="tone")
    with raises(DataError, "label-too-long", "'good'", "'tone'", "`max_target`=3"):
        EncodedExamples.encode(records, {"tone": task}, word_tokenizer(), max_target=3)


def test_a_label_without_training_rows_has_no_id_and_keeps_its_text():
    records = Records.from_dict({"task": ["tone"], "input": ["fine"], "target": ["news"]})
    example = EncodedExamples.encode(records, TASKS, word_tokenizer())[0]
    assert example["label_id"] == -1
    assert example["labels"].tolist() == ids("news", "</s>")


def test_a_row_without_target_has_empty_labels():
    records = Records.from_dict({"task": ["tone", "tone"], "input": ["fine", "dull"], "target": [None, "bad"]})
    examples = EncodedExamples.encode(records, TASKS, word_tokenizer())
    assert (examples[0]["label_id"], len(examples[0]["labels"])) == (-1, 0)
    assert examples[1]["labels"].tolist() == ids("bad", "</s>")


def test_no_records():
    records = RECORDS.take(np.empty(0, np.int64))
    assert len(EncodedExamples.encode(records, TASKS, word_tokenizer())) == 0


def test_weights_are_the_importance_weights_of_the_plan():
    table = RECORDS.table
    census = Census.from_arrow(table, open_ended_tasks=("say",))
    plan = Plan.build(census, Equal(), Power(gamma=0.5), target_rates=Equal(), target_weights=Power(gamma=0.0))
    examples = encoded(plan=plan)
    by_stratum = {(s.task, s.label): w for s, w in zip(plan.strata, plan.importance_weights, strict=True)}
    targets = RECORDS.column("target").to_pylist()
    expected = [
        by_stratum[task, None if task == "say" else target]
        for task, target in zip(RECORDS.column("task").to_pylist(), targets, strict=True)
    ]
    assert len(set(expected)) > 2
    assert examples.example_weights.tolist() == pytest.approx(expected)


def test_without_a_target_of_its_own_the_plan_gives_weights_of_one():
    plan = Plan.build(Census.from_arrow(RECORDS.table, open_ended_tasks=("say",)), Equal(), weights="natural")
    assert encoded(plan=plan).example_weights.tolist() == [1.0] * 6


def test_a_plan_of_other_records_is_refused():
    plan = Plan.build(
        Census.from_counts({"tone": {"good": 2}, "topic": {"s": 1, "n": 1}, "say": 1}),
        rates="proportional",
        weights="natural",
    )
    with raises(DataError, "unknown-stratum", "'tone'", "'bad'"):
        encoded(plan=plan)


def test_refusals():
    with raises(DataError, "unknown-task", "say, topic"):
        EncodedExamples.encode(RECORDS, {"tone": TONE}, word_tokenizer())
    with raises(ConfigError, "too-short", "`max_input`", "at least 2"):
        encoded(max_input=1)
    with raises(ConfigError, "unknown-task", "`task`", "say, tone, topic", "found 'tune'"):
        encoded().rows_of("tune")


def test_pickles_without_texts_or_tokenizer():
    pickled = pickle.dumps(encoded())
    assert b"sport" not in pickled
    assert pickle.loads(pickled)[4]["labels"].tolist() == ids("news", "</s>")


def test_a_slow_tokenizer_works_too():
    examples = EncodedExamples.encode(RECORDS, TASKS, ByT5Tokenizer())
    assert ByT5Tokenizer().decode(examples[0]["labels"], skip_special_tokens=True) == "sport"


def test_long_texts_give_no_warning_of_the_tokenizer(caplog: pytest.LogCaptureFixture):
    tokenizer = word_tokenizer()
    tokenizer.model_max_length = 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EncodedExamples.encode(RECORDS, TASKS, tokenizer)
    assert not caplog.records


@pytest.mark.parametrize("workers", [0, 1])
def test_through_a_data_loader(workers: int):
    examples = encoded()
    loader = DataLoader(
        examples,
        batch_size=4,
        collate_fn=Collator(PAD),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
    )
    batches = list(loader)
    assert torch.cat([batch["row"] for batch in batches]).tolist() == list(range(6))
    first = batches[0]
    assert first["input_ids"].shape == first["attention_mask"].shape == (4, 4)
    for row in range(4):
        tokens = first["input_ids"][row][first["attention_mask"][row].bool()]
        assert tokens.tolist() == examples[row]["input_ids"].tolist()


def item(inputs: list[int], labels: list[int], row: int = 0) -> dict[str, Any]:
    return {
        "input_ids": np.array(inputs, np.int32),
        "labels": np.array(labels, np.int32),
        "task_id": 1,
        "label_id": -1,
        "example_weight": 0.25,
        "row": row,
    }


def test_collator_dtypes():
    batch = Collator(PAD)([item([3, 4, 1], [5, 1]), item([3, 1], [5, 6, 1], row=2**40)])
    dtypes = {name: tensor.dtype for name, tensor in batch.items()}
    assert dtypes.pop("example_weight") == torch.float32
    assert set(dtypes) == {"input_ids", "attention_mask", "labels", "task_id", "label_id", "row"}
    assert set(dtypes.values()) == {torch.int64}
    assert batch["row"].tolist() == [0, 2**40]
    assert batch["example_weight"].tolist() == [0.25, 0.25]


def test_label_padding_is_ignored_by_losses_and_never_the_pad_token():
    batch = Collator(PAD)([item([1], [PAD, 1]), item([1], [1])])
    assert batch["labels"].tolist() == [[PAD, 1], [1, -100]]


def test_a_pad_token_inside_an_input_is_attended_to():
    batch = Collator(PAD)([item([5, PAD, 1], [1]), item([1], [1])])
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


def test_pad_to_multiple():
    batch = Collator(PAD, pad_to_multiple_of=4)([item([3, 4, 5, 6, 1], [5, 1])])
    assert batch["input_ids"].tolist() == [[3, 4, 5, 6, 1, 0, 0, 0]]
    assert batch["labels"].tolist() == [[5, 1, -100, -100]]


def test_empty_targets_collate():
    assert Collator(PAD)([item([3, 1], []), item([3, 1], [])])["labels"].shape == (2, 0)


def test_items_of_a_stream_have_no_row_and_others_all_columns():
    item = {"input_ids": [5, 1], "labels": [1], "task_id": 0, "label_id": 1, "example_weight": 0.5}
    assert "row" not in Collator(PAD)([item, item])
    with pytest.raises(KeyError, match="task_id"):
        Collator(PAD)([{name: value for name, value in item.items() if name != "task_id"}])


def test_collator_refusals():
    with raises(ConfigError, "bad-padding", "`label_pad`", "found 0"):
        Collator(PAD, label_pad=0)
    with raises(ConfigError, "bad-padding", "`pad_to_multiple_of`"):
        Collator(PAD, pad_to_multiple_of=0)


@given(
    rows=st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8),
    maximum=st.integers(1, 7),
    last=st.none() | st.integers(0, 9),
)
def test_ragged_truncation_equals_lists(rows: list[list[int]], maximum: int, last: int | None):
    cut = Ragged.from_lists(rows).truncated(maximum, last)
    expected = [
        [*row[: maximum - 1], last] if len(row) > maximum and row[-1] == last else row[:maximum] for row in rows
    ]
    assert [cut[i].tolist() for i in range(len(cut))] == expected
    assert cut.lengths.tolist() == [len(row) for row in expected]


def test_ragged_concatenation():
    parts = [Ragged.from_lists([[1, 2], []]), Ragged.from_lists([]), Ragged.from_lists([[3]])]
    whole = Ragged.concatenate(parts)
    assert [whole[i].tolist() for i in range(len(whole))] == [[1, 2], [], [3]]
    assert len(Ragged.concatenate([])) == 0
