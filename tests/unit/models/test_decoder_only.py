"""Decoder-only models as TextModel: scores of all labels are those of each label by itself, whatever is beside it."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.support.causal import MODELS, VOCABULARY, built, tokenizer
from tests.support.errors import raises
from torch import Tensor
from transformers import MambaConfig, MambaForCausalLM

from equipoise.collate import encode_inputs, label_tokens
from equipoise.collate.collator import pad_rows
from equipoise.data import Task
from equipoise.errors import DataError, RunError
from equipoise.models import LabelScorer, text_model
from equipoise.models.decoder_only import is_causal

WORDS = tokenizer(bos=True)
LABELS = ("a", "abc", "abd", "b", "bcde", "zz")
TASKS = {
    "letters": Task("letters", "classification", LABELS),
    "two": Task("two", "classification", ("x", "y"), verbalisers={"x": "yes", "y": "no"}),
    "say": Task("say", "open_ended"),
}
ROWS = [("letters", "one"), ("two", "a much longer input"), ("letters", ""), ("two", "three 3")]


def tokens(*texts: str) -> list[list[int]]:
    rows = encode_inputs(WORDS, texts)
    return [rows[row].tolist() for row in range(len(rows))]


def log_likelihood(model: Any, row: list[int], target: list[int]) -> Tensor:
    """log p(target | row), from the definition."""
    log_probs = model(input_ids=torch.tensor([row + target], device=model.device)).logits[0].log_softmax(-1)
    return sum((log_probs[len(row) + i - 1, token] for i, token in enumerate(target)), torch.zeros(()))


def batch_of(model: Any) -> tuple[Tensor, Tensor, list[Any]]:
    asked = text_model(model)
    trees = {name: asked.prefix_tree(label_tokens(TASKS[name], WORDS)) for name, _ in ROWS}
    ids, mask = pad_rows(tokens(*(text for _, text in ROWS)), 0)
    return ids.to(model.device), mask.to(model.device), [trees[name] for name, _ in ROWS]


def alone(model: Any) -> list[list[Tensor]]:
    inputs = tokens(*(text for _, text in ROWS))
    return [
        [log_likelihood(model, row, target) for target in label_tokens(TASKS[name], WORDS)]
        for row, (name, _) in zip(inputs, ROWS, strict=True)
    ]


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_each_label_by_itself(name: str, device: str) -> None:
    model = built(name, device)
    with torch.no_grad():
        found = text_model(model).label_scores(*batch_of(model)).cpu()
        expected = alone(model)
    assert np.ptp(torch.stack(expected[0]).cpu().numpy()) > 0.5
    for row, scores in enumerate(expected):
        np.testing.assert_allclose(found[row, : len(scores)], torch.stack(scores).cpu(), atol=1e-5)
        assert found[row, len(scores) :].isneginf().all()
    scorer = LabelScorer(model, WORDS, TASKS)
    for task in ("letters", "two"):
        rows = [row for row, (name, _) in enumerate(ROWS) if name == task]
        inputs = tokens(*(ROWS[row][1] for row in rows))
        whole = np.array([torch.stack(expected[row]).cpu().numpy() for row in rows])
        np.testing.assert_allclose(scorer.log_probs(task, inputs), whole, atol=1e-5)
        assert scorer.best_labels(task, inputs).tolist() == whole.argmax(axis=1).tolist()


@pytest.mark.parametrize("name", MODELS)
def test_an_input_of_one_token_is_continued(name: str, device: str) -> None:
    model = built(name, device)
    targets = label_tokens(TASKS["two"], WORDS)
    asked = text_model(model)
    tree = asked.prefix_tree(targets)
    ids = torch.tensor([[7], [8]], device=device)
    scores = asked.label_scores(ids, torch.ones_like(ids), [tree, tree])
    expected = torch.stack([torch.stack([log_likelihood(model, [row], each) for each in targets]) for row in (7, 8)])
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(asked.label_log_probs([[7], [8]], tree, pad_id=0), expected.tolist(), atol=1e-5)
    scores.sum().backward()
    assert all(each.grad is None or each.grad.isfinite().all() for each in model.parameters())


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_are_those_of_each_label_by_itself(device: str, checkpointing: bool) -> None:
    model = built("qwen2", device).train()
    weights = torch.linspace(-1.0, 2.0, sum(len(TASKS[task].labels) for task, _ in ROWS), device=device)
    torch.stack([score for row in alone(model) for score in row]).mul(weights).sum().backward()
    expected = {key: parameter.grad for key, parameter in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    if checkpointing:
        # transformers 5.0 has the one name, later versions the other.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    scores = text_model(model).label_scores(*batch_of(model))
    scores[torch.isfinite(scores)].mul(weights).sum().backward()
    for key, parameter in model.named_parameters():
        largest = expected[key].abs().max().item()
        torch.testing.assert_close(parameter.grad, expected[key], rtol=1e-4, atol=1e-4 * max(largest, 1e-3))


@pytest.mark.parametrize("name", MODELS)
def test_logits_of_targets_do_not_depend_on_what_is_beside_them(name: str, device: str) -> None:
    model = built(name, device)
    inputs, targets = tokens(*(text for _, text in ROWS)), [[5, 6, 7, 1], [8, 1], [9, 9, 1], [1]]
    ids, mask = pad_rows(inputs, 0)
    batch = {"input_ids": ids, "attention_mask": mask, "labels": pad_rows(targets, -100)[0]}
    with torch.no_grad():
        found = text_model(model).target_logits({key: each.to(device) for key, each in batch.items()}).cpu()
        assert found.shape == (4, 4, VOCABULARY)
        for row, target, logits in zip(inputs, targets, found, strict=True):
            whole = model(input_ids=torch.tensor([row + target], device=device)).logits[0].cpu()
            torch.testing.assert_close(logits[: len(target)], whole[len(row) - 1 : -1], atol=1e-5, rtol=1e-5)


def test_an_input_is_computed_once_for_all_labels(device: str) -> None:
    model = built("llama", device)
    seen: list[int] = []
    model.model.register_forward_hook(lambda _, __, output: seen.append(output[0].shape[:2].numel()))
    inputs = tokens("a much longer input", "another input that is long")
    LabelScorer(model, WORDS, TASKS).log_probs("letters", inputs)
    width = max(map(len, inputs))
    rows = len({"abc", "abd", "bcde", "zz"})
    assert sum(seen) == 2 * (width - 1) + 2 * rows * len(label_tokens(TASKS["letters"], WORDS)[4])


@pytest.mark.parametrize("most_logits", [1, VOCABULARY * 5])
def test_the_way_of_batching_changes_nothing(most_logits: int, device: str) -> None:
    model = built("llama", device)
    inputs = tokens("one", "a much longer input", "x", "one")
    whole = LabelScorer(model, WORDS, TASKS).log_probs("letters", inputs)
    cut = LabelScorer(model, WORDS, TASKS, most_logits=most_logits)
    np.testing.assert_allclose(cut.log_probs("letters", inputs, batch_tokens=8), whole, atol=1e-5)
    np.testing.assert_array_equal(cut.best_labels("letters", inputs), whole.argmax(axis=1))


def test_copies_of_keys_and_values_are_bounded(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = built("llama", device)
    inputs = tokens("one", "a much longer input", "x")
    scorer = LabelScorer(model, WORDS, TASKS)
    whole = scorer.log_probs("letters", inputs)
    monkeypatch.setattr("equipoise.models.decoder_only._MOST_COPIED", {"cpu": 1, "else": 1})
    rows: list[int] = []
    model.model.register_forward_hook(lambda _, __, output: rows.append(len(output[0])))
    np.testing.assert_allclose(scorer.log_probs("letters", inputs), whole, atol=1e-5)
    assert rows[1:] == [1] * 3 * len({"abc", "abd", "bcde", "zz"})


def test_the_space_before_a_target_is_not_in_what_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = LabelScorer(built("llama"), WORDS, TASKS)
    written = [[*label_tokens(TASKS["two"], WORDS)[0], 1, 1], WORDS(" other").input_ids[1:]]
    monkeypatch.setattr(scorer, "_generate", lambda *_, **__: written)
    assert scorer.generate([]) == ["yes", "other"]
    assert scorer.generate([], labels_of="two") == ["x", "other"]


def greedy(model: Any, row: list[int], most: int) -> list[int]:
    path: list[int] = []
    while len(path) < most and 1 not in path:
        with torch.no_grad():
            path.append(int(model(input_ids=torch.tensor([row + path], device=model.device)).logits[0, -1].argmax()))
    return path


@pytest.mark.parametrize("name", ["llama", "opt"])
def test_generation_returns_what_is_generated_alone(name: str, device: str) -> None:
    model = built(name, device)
    settings = {"do_sample": True, "temperature": 5.0, "repetition_penalty": 9.0, "min_new_tokens": 5}
    settings |= {"eos_token_id": 7, "max_length": 4, "no_repeat_ngram_size": 1}
    for key, value in settings.items():  # those of a pretrained model, for other texts
        setattr(model.generation_config, key, value)
    inputs = tokens("one", "a much longer input", "x")
    found = LabelScorer(model, WORDS, TASKS).generate(inputs, max_new_tokens=6)
    expected = [WORDS.decode(greedy(model, row, 6), skip_special_tokens=True).removeprefix(" ") for row in inputs]
    assert found == expected
    assert model.generation_config.repetition_penalty == 9.0


def test_constrained_generation_is_greedy_in_the_tree_of_labels(device: str) -> None:
    model = built("llama", device)
    inputs = tokens(*(f"input {n}" * n for n in range(1, 6)))
    found = LabelScorer(model, WORDS, TASKS).constrained_generate("letters", inputs, batch_tokens=60)
    targets = label_tokens(TASKS["letters"], WORDS)
    for row, label in zip(inputs, found.tolist(), strict=True):
        path: list[int] = []
        while path not in targets:
            logits = model(input_ids=torch.tensor([row + path], device=device)).logits[0, -1]
            allowed = {target[len(path)] for target in targets if target[: len(path)] == path}
            path.append(max(allowed, key=lambda token: logits[token].item()))
        assert targets.index(path) == label


def test_one_tree_is_needed_for_each_row(device: str) -> None:
    model = built("llama", device)
    ids, mask, trees = batch_of(model)
    with raises(DataError, "wrong-length", "`trees` must hold the labels of each of 4 rows, found 3"):
        text_model(model).label_scores(ids, mask, trees[:3])


def test_a_model_without_keys_and_values_is_refused() -> None:
    model = MambaForCausalLM(MambaConfig(vocab_size=VOCABULARY, hidden_size=8, num_hidden_layers=1, state_size=2))
    with raises(RunError, "no-prefix-cache", "found none in MambaForCausalLM"):
        LabelScorer(model.eval(), WORDS, TASKS).log_probs("letters", tokens("one"))


def test_a_model_that_looks_ahead_is_no_causal_one() -> None:
    model = built("llama")
    assert is_causal(model)
    for layer in model.model.layers:
        whole = layer.self_attn.forward
        layer.self_attn.forward = lambda *given, whole=whole, **named: whole(*given, **named | {"attention_mask": None})
        layer.self_attn.is_causal = False
    assert not is_causal(model)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")  # of peft
def test_a_model_with_an_adapter_is_scored_with_it(device: str) -> None:
    peft = pytest.importorskip("peft")
    model = peft.get_peft_model(
        built("llama", device), peft.LoraConfig(target_modules=["q_proj"], init_lora_weights=False)
    ).eval()
    inputs = tokens("one", "a much longer input")
    expected = [
        [log_likelihood(model, row, target).item() for target in label_tokens(TASKS["two"], WORDS)] for row in inputs
    ]
    np.testing.assert_allclose(LabelScorer(model, WORDS, TASKS).log_probs("two", inputs), expected, atol=1e-5)
    assert len(LabelScorer(model, WORDS, TASKS).generate(inputs, max_new_tokens=2)) == 2
