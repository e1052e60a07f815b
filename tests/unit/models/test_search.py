"""The best label by search, against the scores of all labels."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from tests.support.seq2seq import MODELS, TASKS, TOKENIZER, built

from equipoise.data import Task
from equipoise.errors import ConfigError
from equipoise.models import LabelScorer

rng = np.random.default_rng(0)
INPUTS = [TOKENIZER(text).input_ids for text in ("one", "a much longer input", "", "one", "three 3", *"abcdefgh")]
# Three letters, most of them of "a" or "b": chains, shared beginnings, and one label that begins others.
MANY = Task(
    "many", "classification", tuple(sorted({"".join(rng.choice([*"aaabbbcd"], rng.integers(1, 6))) for _ in range(90)}))
)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length_norm", [0.0, 1.0])
def test_equals_the_argmax_over_all_labels(name: str, length_norm: float, device: str) -> None:
    model = built(name, device)
    scorer = LabelScorer(model, TOKENIZER, TASKS | {"many": MANY})
    answers = set()
    for seed in range(4):
        # One model answers all inputs alike; others do not answer as it does.
        torch.nn.init.normal_(model.get_output_embeddings().weight, generator=torch.Generator(device).manual_seed(seed))
        for task in ("many", "letters", "two", "one"):
            expected = scorer.log_probs(task, INPUTS, length_norm=length_norm).argmax(axis=1)
            found = scorer.best_labels(task, INPUTS, length_norm=length_norm)
            assert found.dtype == np.int64
            assert found.tolist() == expected.tolist()
            answers |= {(task, label) for label in found.tolist()}
    assert len(answers) > 5


@pytest.mark.parametrize("most_logits", [1, 384 * 3, 384 * 20])
@pytest.mark.parametrize("batch_tokens", [1, 16, 10_000])
def test_the_way_of_batching_changes_nothing(most_logits: int, batch_tokens: int, device: str) -> None:
    model, tasks = built("t5 tied", device), {"many": MANY}
    expected = LabelScorer(model, TOKENIZER, tasks).log_probs("many", INPUTS).argmax(axis=1)
    cut = LabelScorer(model, TOKENIZER, tasks, most_logits=most_logits)
    assert cut.best_labels("many", INPUTS, batch_tokens=batch_tokens).tolist() == expected.tolist()


def test_many_labels_are_searched_for_a_few_inputs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = LabelScorer(built("t5 tied", "cpu"), TOKENIZER, {"many": MANY})
    expected = scorer.best_labels("many", INPUTS)
    monkeypatch.setattr("equipoise.models.search._MOST_BOUNDS", 250)
    assert scorer.best_labels("many", INPUTS).tolist() == expected.tolist()


def positions(model: Any, ask: Any) -> int:
    """Count what the output layer sees."""
    seen: list[int] = []
    hook = model.lm_head.register_forward_hook(lambda _, __, logits: seen.append(logits.shape[:-1].numel()))
    ask()
    hook.remove()
    return sum(seen)


def test_a_model_that_is_sure_computes_few_prefixes(device: str) -> None:
    model = built("t5 untied", device)
    scorer = LabelScorer(model, TOKENIZER, {"many": MANY})
    every = positions(model, partial(scorer.log_probs, "many", INPUTS))
    assert every == 12 * scorer.prefixes("many")
    assert positions(model, partial(scorer.best_labels, "many", INPUTS)) < every / 5


def test_encodes_each_distinct_input_once(device: str) -> None:
    model = built("t5 tied", device)
    seen: list[int] = []
    hook = model.encoder.register_forward_hook(lambda _, __, output: seen.append(output[0].shape[0]))
    LabelScorer(model, TOKENIZER, {"many": MANY}).best_labels("many", INPUTS, batch_tokens=20)
    hook.remove()
    assert sum(seen) == 12


def test_no_inputs_and_no_labels(device: str) -> None:
    scorer = LabelScorer(built("t5 tied", device), TOKENIZER, TASKS)
    assert scorer.best_labels("letters", []).shape == (0,)
    with raises(ConfigError, "open-ended-task"):
        scorer.best_labels("say", INPUTS)
