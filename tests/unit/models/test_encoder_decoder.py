"""Encoder-decoder models as TextModel: scores with gradients are those of LabelScorer, on rows of several tasks."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from tests.support.seq2seq import MODELS, TASKS, TOKENIZER, built, t5
from torch import Tensor

from equipoise.collate import label_tokens
from equipoise.collate.collator import pad_rows
from equipoise.errors import DataError, RunError
from equipoise.models import LabelScorer, text_model

ROWS = [("letters", "one"), ("two", "a much longer input"), ("letters", ""), ("one", "x"), ("two", "three 3")]


def tree_of(model: Any, name: str) -> Any:
    return text_model(model).prefix_tree(label_tokens(TASKS[name], TOKENIZER))


def batch_of(model: Any, rows: list[tuple[str, str]]) -> tuple[Tensor, Tensor, list[Any]]:
    trees = {name: tree_of(model, name) for name, _ in rows}
    ids, mask = pad_rows([TOKENIZER(text).input_ids for _, text in rows], 0)
    return ids.to(model.device), mask.to(model.device), [trees[name] for name, _ in rows]


def one_pass_per_label(model: Any, rows: list[tuple[str, str]]) -> list[Tensor]:
    """log p(label | x) by a whole forward pass for each pair, its gradient with it."""
    scores = []
    for name, text in rows:
        ids = torch.tensor([TOKENIZER(text).input_ids], device=model.device)
        for label in TASKS[name].labels:
            target = torch.tensor([TOKENIZER(TASKS[name].target_text(label)).input_ids], device=model.device)
            logits = model(input_ids=ids, labels=target).logits
            scores.append(logits.log_softmax(-1).gather(-1, target[..., None]).sum())
    return scores


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_the_scorer(name: str, device: str):
    model = built(name, device)
    found = text_model(model).label_scores(*batch_of(model, ROWS)).detach().cpu().numpy()
    assert found.shape == (5, 6)
    scorer = LabelScorer(model, TOKENIZER, TASKS)
    for row, (task, text) in enumerate(ROWS):
        expected = scorer.log_probs(task, [TOKENIZER(text).input_ids])[0]
        np.testing.assert_allclose(found[row, : len(expected)], expected, atol=1e-5, rtol=1e-6)
        assert np.isneginf(found[row, len(expected) :]).all()


@pytest.mark.parametrize("name", ["t5 tied", "bart"])
def test_gradients_are_those_of_one_pass_per_label(name: str, device: str):
    model = built(name, device)
    weights = torch.linspace(-1.0, 2.0, sum(len(TASKS[task].labels) for task, _ in ROWS), device=device)
    torch.stack(one_pass_per_label(model, ROWS)).mul(weights).sum().backward()
    expected = {key: parameter.grad for key, parameter in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    scores = text_model(model).label_scores(*batch_of(model, ROWS))
    scores[torch.isfinite(scores)].mul(weights).sum().backward()
    for key, parameter in model.named_parameters():
        largest = expected[key].abs().max().item()
        assert largest > 0 or key.endswith("k_proj.bias"), f"{key} has no part in the scores"
        torch.testing.assert_close(parameter.grad, expected[key], rtol=1e-4, atol=1e-4 * max(largest, 1e-4))


def test_every_input_is_encoded_once_and_every_prefix_asked_once(device: str):
    model = built("t5 tied", device)
    encoded: list[int] = []
    asked: list[int] = []
    decoded: list[int] = []
    model.encoder.register_forward_hook(lambda _, __, output: encoded.append(len(output[0])))
    model.decoder.register_forward_hook(lambda _, __, output: decoded.append(len(output[0])))
    model.lm_head.register_forward_hook(lambda _, __, logits: asked.append(logits.shape[:-1].numel()))
    text_model(model).label_scores(*batch_of(model, ROWS))
    trees = [tree_of(model, name) for name, _ in ROWS]
    assert (encoded, len(decoded), asked) == ([len(ROWS)], 1, [sum(tree.prefixes for tree in trees)])
    assert decoded[0] == sum(len(tree.decoder_inputs) for tree in trees)


def test_the_model_is_left_as_it_was(device: str):
    model = built("t5 tied", device)
    ids, mask, trees = batch_of(model, ROWS[:2])
    inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": torch.zeros_like(ids[:, :1])}
    before = model(**inputs).logits
    text_model(model).label_scores(ids, mask, trees)
    with pytest.raises(RuntimeError, match="size of tensor"):
        text_model(model).label_scores(ids, mask[:, 1:], trees)
    after = model(**inputs).logits
    assert torch.equal(before, after)


def test_gradient_checkpointing_changes_nothing(device: str):
    model: Any = t5(dropout_rate=0.0).train().to(device)
    text_model(model).label_scores(*batch_of(model, ROWS)).nan_to_num(neginf=0.0).sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    # transformers 5.0 has the one name, later versions the other.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    text_model(model).label_scores(*batch_of(model, ROWS)).nan_to_num(neginf=0.0).sum().backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-5)


def test_bfloat16_gives_finite_scores_in_float32(device: str):
    model = built("t5 tied", device)
    with torch.autocast(torch.device(device).type, torch.bfloat16):
        found = text_model(model).label_scores(*batch_of(model, ROWS))
    exact = text_model(model).label_scores(*batch_of(model, ROWS))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, rtol=0.05, atol=0.5)
    assert not torch.equal(found, exact), "autocast was not on"


def test_one_tree_is_needed_for_each_row(device: str):
    model = built("t5 tied", device)
    ids, mask, trees = batch_of(model, ROWS)
    with raises(DataError, "wrong-length") as caught:
        text_model(model).label_scores(ids, mask, trees[:4])
    assert "`trees` must hold the labels of each of 5 rows, found 4" in str(caught.value)


def test_a_model_without_an_encoder_is_refused(device: str):
    ids, mask, trees = batch_of(built("t5 tied", device), ROWS)
    with raises(RunError, "no-encoder") as caught:
        text_model(torch.nn.Linear(1, 1)).label_scores(ids, mask, trees)
    assert "must have an encoder, found none in Linear" in str(caught.value)


def test_a_wrapped_model_is_called_in_the_place_of_the_model(device: str):
    model, other = built("t5 tied", device), built("t5 gated", device)
    ids, mask, trees = batch_of(model, ROWS)
    labels = torch.tensor([TOKENIZER("b").input_ids] * len(ROWS), device=device)
    calls: list[Any] = []

    class Wrapped(torch.nn.Module):
        """Like DDP: only what goes through its own forward is seen."""

        def __init__(self) -> None:
            super().__init__()
            self.module = model

        def forward(self, **inputs: Any) -> Any:
            calls.append(inputs)
            return self.module(**inputs)

        def __len__(self) -> int:
            """Fail, as that of a compiled model does: nothing may ask whether a model is true."""
            raise TypeError

    wrapped = text_model(model, Wrapped())
    assert torch.equal(wrapped.label_scores(ids, mask, trees), text_model(model).label_scores(ids, mask, trees))
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    assert torch.equal(wrapped.target_logits(batch), text_model(model).target_logits(batch))
    assert not torch.equal(wrapped.target_logits(batch), text_model(other).target_logits(batch))
    assert len(calls) == 3


def test_a_wrapped_model_that_ignores_hooks_is_refused(device: str):
    class Deaf(torch.nn.Module):
        """Like a compiled model that does not run hooks."""

        def forward(self, decoder_input_ids: Tensor, **_: Any) -> Any:
            return type("Output", (), {"logits": torch.zeros(*decoder_input_ids.shape, 384, device=device)})

    model = built("t5 tied", device)
    with raises(RunError, "hooks-ignored") as caught:
        text_model(model, Deaf()).label_scores(*batch_of(model, ROWS))
    assert "it ignores hooks" in str(caught.value)
