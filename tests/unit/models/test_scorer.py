"""Label scores against one forward pass per input and label; generation."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from tests.support.seq2seq import LABELS, MODELS, TASK, TASKS, TOKENIZER, built
from torch import nn
from transformers import ByT5Tokenizer

from equipoise.data import Task
from equipoise.errors import ConfigError, DataError, RunError
from equipoise.models import LabelScorer, evaluating, label_probabilities, load_tokenizer
from equipoise.models.batches import length_batches


def tokens(*texts: str) -> list[list[int]]:
    return [TOKENIZER(text).input_ids for text in texts]


INPUTS = tokens("one", "a much longer input", "", "one", "three 3")


def one_at_a_time(model: Any, task: Task, inputs: list[list[int]]) -> np.ndarray:
    scores = np.empty((len(inputs), len(task.labels)))
    for i, ids in enumerate(inputs):
        for c, label in enumerate(task.labels):
            target = torch.tensor([TOKENIZER(task.target_text(label)).input_ids], device=model.device)
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids], device=model.device), labels=target).logits.double()
            scores[i, c] = logits.log_softmax(-1).gather(-1, target[..., None]).sum().item()
    return scores


@pytest.mark.parametrize("name", MODELS)
def test_equals_one_label_at_a_time(name: str, device: str):
    model = built(name, device)
    expected = one_at_a_time(model, TASK, INPUTS)
    assert np.ptp(expected, axis=1).min() > 0.5
    found = LabelScorer(model, TOKENIZER, TASKS).log_probs("letters", INPUTS)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("most_logits", [1, 384 * 3, 384 * 20])
@pytest.mark.parametrize("batch_tokens", [1, 16, 10_000])
def test_the_way_of_batching_changes_nothing(most_logits: int, batch_tokens: int, device: str):
    model = built("t5 tied", device)
    whole = LabelScorer(model, TOKENIZER, TASKS).log_probs("letters", INPUTS)
    cut = LabelScorer(model, TOKENIZER, TASKS, most_logits=most_logits)
    np.testing.assert_allclose(cut.log_probs("letters", INPUTS, batch_tokens=batch_tokens), whole, atol=1e-5)


@pytest.mark.parametrize("task", ["two", "one"])
def test_verbalisers_and_a_single_label(task: str, device: str):
    model = built("t5 tied", device)
    found = LabelScorer(model, TOKENIZER, TASKS).log_probs(task, INPUTS)
    np.testing.assert_allclose(found, one_at_a_time(model, TASKS[task], INPUTS), atol=1e-5)


def test_output_layer_sees_each_distinct_prefix_of_distinct_inputs_once(device: str):
    model = built("t5 tied", device)
    seen: list[int] = []
    hook = model.lm_head.register_forward_hook(lambda _, __, logits: seen.append(logits.shape[:-1].numel()))
    LabelScorer(model, TOKENIZER, TASKS).log_probs("letters", INPUTS)
    hook.remove()
    targets = [tuple(TOKENIZER(label).input_ids) for label in LABELS]
    prefixes = {target[:length] for target in targets for length in range(len(target))}
    assert sum(seen) == 4 * len(prefixes) == 4 * 11


def test_a_label_that_begins_another_needs_no_decoder_row(device: str):
    model = built("t5 tied", device)
    seen: list[int] = []
    hook = model.decoder.register_forward_hook(lambda _, __, output: seen.append(output[0].shape[0]))
    LabelScorer(model, TOKENIZER, TASKS).log_probs("letters", INPUTS)
    hook.remove()
    assert sum(seen) == 4 * len({"abc", "abd", "bcde", "zz"})


def test_encodes_each_distinct_input_once(device: str):
    model = built("t5 tied", device)
    seen: list[int] = []
    hook = model.encoder.register_forward_hook(lambda _, __, output: seen.append(output[0].shape[0]))
    LabelScorer(model, TOKENIZER, TASKS).log_probs("letters", INPUTS, batch_tokens=20)
    hook.remove()
    assert sum(seen) == 4


def test_length_normalisation_divides_by_tokens(device: str):
    scorer = LabelScorer(built("t5 tied", device), TOKENIZER, TASKS)
    plain = scorer.log_probs("letters", INPUTS)
    lengths = np.array([len(label) + 1 for label in LABELS])  # bytes and the end of sequence
    for exponent in (0.5, 1.0):
        normalised = scorer.log_probs("letters", INPUTS, length_norm=exponent)
        np.testing.assert_allclose(normalised, plain / lengths**exponent)


def test_no_inputs(device: str):
    assert LabelScorer(built("t5 tied", device), TOKENIZER, TASKS).log_probs("letters", []).shape == (0, 6)


def test_bfloat16_model(device: str):
    model = built("t5 tied", device)
    expected = LabelScorer(model, TOKENIZER, TASKS).log_probs("letters", INPUTS)
    found = LabelScorer(model.bfloat16(), TOKENIZER, TASKS).log_probs("letters", INPUTS)
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_model_is_left_as_it_was(device: str):
    model = built("t5 tied", device).train()
    model.encoder.eval()
    scorer = LabelScorer(model, TOKENIZER, TASKS)
    first = scorer.log_probs("letters", INPUTS)
    assert (first == scorer.log_probs("letters", INPUTS)).all()  # no dropout
    assert model.training
    assert model.decoder.training
    assert not model.encoder.training
    assert torch.is_grad_enabled()
    output = model(input_ids=torch.tensor([[5, 1]], device=device), labels=torch.tensor([[6, 1]], device=device))
    assert output.logits.shape == (1, 2, 384)  # the output layer sees every position again
    output.loss.backward()


def test_mode_comes_back_after_an_error():
    model = nn.Dropout()
    with pytest.raises(RuntimeError), evaluating(model):
        raise RuntimeError
    assert model.training
    assert torch.is_grad_enabled()


def test_probabilities():
    found = label_probabilities(np.array([[-1000.0, -1000.0 + np.log(3)], [-1e6, 0.0]]))
    np.testing.assert_allclose(found, [[0.25, 0.75], [0.0, 1.0]])
    assert label_probabilities(np.empty((0, 3))).shape == (0, 3)


def test_tasks_without_labels_to_score_are_refused(device: str):
    scorer = LabelScorer(built("t5 tied", device), TOKENIZER, TASKS)
    with raises(ConfigError, "unknown-task") as caught:
        scorer.log_probs("other", INPUTS)
    assert "`task` must be one of letters, one, say, two, found 'other'" in str(caught.value)
    with raises(ConfigError, "open-ended-task") as caught:
        scorer.log_probs("say", INPUTS)
    assert "open-ended 'say'" in str(caught.value)


def test_a_model_without_an_output_layer_is_refused(device: str):
    model = built("t5 tied", device)
    model.get_output_embeddings = lambda: None
    with raises(RunError, "no-output-layer") as caught:
        LabelScorer(model, TOKENIZER, TASKS).log_probs("letters", INPUTS)
    assert "must have an output layer" in str(caught.value)


def test_labels_that_look_alike_are_refused(device: str):
    class Deaf(ByT5Tokenizer):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return {"input_ids": [[2, 1] for _ in kwargs.get("text_target", "a")]}

    scorer = LabelScorer(built("t5 tied", device), Deaf(), TASKS)
    with raises(DataError, "same-tokens") as caught:
        scorer.log_probs("letters", INPUTS)
    assert "Labels 'a' and 'abc' have the same tokens" in str(caught.value)
    with raises(DataError, "same-tokens"):
        scorer.constrained_generate("two", INPUTS)


def greedy_in_the_tree(model: Any, ids: list[int]) -> int:
    """Walk from token to token, each time the most probable one that some label continues with."""
    targets = [TOKENIZER(label).input_ids for label in LABELS]
    path: list[int] = []
    while path not in targets:
        with torch.no_grad():
            logits = model(
                input_ids=torch.tensor([ids], device=model.device),
                decoder_input_ids=torch.tensor([[model.config.decoder_start_token_id, *path]], device=model.device),
            ).logits
        allowed = {target[len(path)] for target in targets if target[: len(path)] == path}
        path.append(max(allowed, key=lambda token: logits[0, -1, token].item()))
    return targets.index(path)


@pytest.mark.parametrize("name", ["t5 tied", "bart"])
def test_constrained_generation_is_greedy_in_the_tree_of_labels(name: str, device: str):
    model = built(name, device)
    inputs = tokens(*(f"input {n}" * n for n in range(1, 9)))
    found = LabelScorer(model, TOKENIZER, TASKS).constrained_generate("letters", inputs, batch_tokens=60)
    assert found.tolist() == [greedy_in_the_tree(model, ids) for ids in inputs]
    assert found.dtype == np.int64


def test_constrained_generation_with_many_beams_finds_the_best_label(device: str):
    model = built("t5 tied", device)
    model.generation_config.length_penalty = 0.0
    scorer = LabelScorer(model, TOKENIZER, TASKS)
    best = scorer.log_probs("letters", INPUTS).argmax(axis=1)
    assert scorer.constrained_generate("letters", INPUTS, beams=8).tolist() == best.tolist()


def test_constrained_generation_ignores_settings_for_other_texts(device: str):
    model = built("t5 tied", device)
    model.generation_config.min_length = 30
    model.generation_config.no_repeat_ngram_size = 1
    found = LabelScorer(model, TOKENIZER, TASKS).constrained_generate("letters", INPUTS)
    assert set(found.tolist()) <= set(range(6))


def test_free_generation(device: str):
    model = built("t5 tied", device).train()
    scorer = LabelScorer(model, TOKENIZER, TASKS)
    found = scorer.generate(INPUTS, max_new_tokens=5)
    with evaluating(model):
        ids = model.generate(input_ids=torch.tensor([INPUTS[1]], device=device), max_new_tokens=5, do_sample=False)
    assert found[1] == TOKENIZER.decode(ids[0], skip_special_tokens=True)
    assert found[0] == found[3]
    assert found == scorer.generate(INPUTS, max_new_tokens=5, batch_tokens=1)
    assert model.training
    assert scorer.generate([]) == []
    assert len(scorer.generate(INPUTS, max_new_tokens=5, beams=3)) == len(INPUTS)


def test_labels_are_found_in_what_is_generated_by_their_tokens_and_by_their_text(monkeypatch: pytest.MonkeyPatch):
    pieces = load_tokenizer("tiny")
    task = Task("t", "classification", ("<38", "38", "no"), verbalisers={"no": "not at all"})
    scorer = LabelScorer(built("t5 tied", "cpu"), pieces, {"t": task})
    written = [pieces(text).input_ids for text in ("<38", "38", "not at all", "not", "not at all, no")]
    written.append([*pieces("no").input_ids[:-1], *pieces("t at all").input_ids])
    padded = [[*tokens, *[pieces.pad_token_id] * (12 - len(tokens))] for tokens in written]
    monkeypatch.setattr(scorer, "_generate", lambda *_, **__: padded)
    assert scorer.generate(INPUTS, labels_of="t") == ["<38", "38", "no", "not", "not at all, no", "no t at all"]
    assert scorer.generate(INPUTS)[:3] == ["38", "38", "not at all"]


def test_batches_hold_every_row_once_and_keep_their_size():
    lengths = np.random.default_rng(0).integers(0, 30, 200)
    batches = length_batches(lengths, 64)
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))
    assert all(len(batch) * max(1, lengths[batch].max()) <= 64 for batch in batches)
    assert len(batches) < 2 * lengths.sum() / 64
