"""Every loss that a configuration can name is made, with the options that it says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.errors import warns
from tests.unit.cli.rows import write_rows

from equipoise.base.registry import registered
from equipoise.config import make_config
from equipoise.data import Records
from equipoise.errors import PlanWarning
from equipoise.losses import TokenLoss
from equipoise.losses.labels import LabelLoss
from equipoise.losses.training import LabelTrainingLoss, TokenTrainingLoss, TrainingLoss
from equipoise.models import TinyShape, load_model
from equipoise.runs.losses import checked_loss, training_loss_of
from equipoise.runs.predict import predict_records
from equipoise.runs.prepare import Prepared, prepare

NEEDED: dict[str, dict[str, Any]] = {
    "weighted": {"weights": "balanced"},
    "cost_sensitive": {"costs": {"triage": {"urgent": {"routine": 5.0}, "routine": {"urgent": 1.0}}}},
}
SHAPE = TinyShape(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_decoder_layers=1, num_heads=2)


@pytest.fixture(scope="module")
def model_and_tokenizer() -> tuple[Any, Any]:
    return load_model("tiny", shape=SHAPE)


def prepared_with(folder: Path, loss: object, weights: str = "natural") -> Prepared:
    rows = write_rows(folder / "rows.jsonl")
    plan = {"weights": weights, "rates": "proportional"}
    return prepare(make_config({"data": {"source": str(rows)}, "plan": plan, "training": {"loss": loss}}))


def loss_of(prepared: Prepared, model_and_tokenizer: tuple[Any, Any]) -> TrainingLoss:
    return training_loss_of(prepared, *model_and_tokenizer, lambda: prepared.plan, draws=640)


@pytest.mark.parametrize("name", sorted(registered(LabelLoss)))
def test_label_losses_are_made_by_name(tmp_path: Path, model_and_tokenizer: Any, name: str) -> None:
    prepared = prepared_with(tmp_path, {"name": name, "level": "label", "length_norm": 0.5, **NEEDED.get(name, {})})
    training_loss = loss_of(prepared, model_and_tokenizer)
    assert isinstance(training_loss, LabelTrainingLoss)
    assert training_loss.length_norm == 0.5
    assert len(training_loss.tasks) == 2
    made = checked_loss(prepared.config.training.loss).loss
    assert isinstance(made, LabelLoss)
    assert type(made).__name__.lower() == name.replace("_", "")


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("cross_entropy", TokenLoss()),
        ({"name": "cross_entropy", "level": "token", "label_smoothing": 0.1}, TokenLoss("token", label_smoothing=0.1)),
        ("focal", TokenLoss(gamma=2.0)),
        ({"name": "focal", "gamma": 0.5, "level": "token"}, TokenLoss("token", gamma=0.5)),
        ({"name": "logit_adjusted", "level": "sequence", "tau": 0.5}, TokenLoss()),
    ],
)
def test_token_losses_are_made_by_name(
    tmp_path: Path, model_and_tokenizer: Any, loss: object, expected: TokenLoss
) -> None:
    prepared = prepared_with(tmp_path, loss)
    training_loss = loss_of(prepared, model_and_tokenizer)
    assert isinstance(training_loss, TokenTrainingLoss)
    assert training_loss.loss == expected
    shifts = [adjustment.shift for adjustment in training_loss.adjustments if adjustment is not None]
    if prepared.config.training.loss.name == "logit_adjusted":
        assert shifts[1][0] == pytest.approx(0.5 * np.log(2 * 32 / 36))  # routine of the task triage: 32 of 36 rows
    else:
        assert not shifts


def test_correcting_twice_is_warned_of(tmp_path: Path, model_and_tokenizer: Any) -> None:
    with warns(PlanWarning, "double-correction") as caught:
        loss_of(prepared_with(tmp_path, "ldam", weights="balanced"), model_and_tokenizer)
    assert any("'triage': LDAM" in str(each.message) for each in caught)


def test_predictions_divide_scores_as_training_did(tmp_path: Path, model_and_tokenizer: Any) -> None:
    found = []
    for power in (0.0, 1.0):
        prepared = prepared_with(tmp_path, {"name": "cross_entropy", "level": "label", "length_norm": power})
        rows = Records.from_dict({"task": ["triage"], "input": ["a cut"], "target": ["routine"]})
        answer = predict_records(*model_and_tokenizer, prepared.tasks, rows, prepared.config)["triage"]
        assert answer.probabilities is not None
        found.append(np.log(answer.probabilities[0, 0] / answer.probabilities[0, 1]))
    tokens = {len(model_and_tokenizer[1](label).input_ids) for label in ("routine", "urgent")}
    assert len(tokens) <= 2
    assert abs(found[0]) > abs(found[1]) * 1.5
