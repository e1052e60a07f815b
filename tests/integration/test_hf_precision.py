"""bfloat16 autocast and activation checkpointing train as float32 does without, and resume exactly."""

from typing import Any

import hf_jobs
import numpy as np
import pytest
import torch

SAVE = {"max_steps": 3, "save_strategy": "steps", "save_steps": 2, "optim": "adamw_torch"}
LOSSES = ["token", "label cross-entropy"]
RECOMPUTED = {"activation_checkpointing": True}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("plain")
    return {loss: hf_jobs.run(f"{folder}/{loss}", loss=loss, options=SAVE, dropout=0.1) for loss in LOSSES}


@pytest.mark.parametrize("loss", LOSSES)
def test_checkpointing_changes_nothing(tmp_path, plain, loss) -> None:
    """Dropout falls on the same units when a layer is computed again."""
    trainer = hf_jobs.build(tmp_path / "run", loss=loss, options=SAVE | RECOMPUTED, dropout=0.1)
    trainer.train()
    assert trainer.model.is_activation_checkpointing
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses == pytest.approx(plain[loss]["losses"], rel=1e-6)
    np.testing.assert_allclose(hf_jobs.flat(trainer.model), plain[loss]["parameters"], atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_bfloat16_is_near_float32_and_the_parameters_stay_float32(tmp_path, plain, loss) -> None:
    found = hf_jobs.run(str(tmp_path / "run"), loss=loss, options=SAVE | {"bf16": True}, dropout=0.1)
    assert found["losses"] != plain[loss]["losses"]
    assert found["losses"] == pytest.approx(plain[loss]["losses"], rel=1e-2)
    again = hf_jobs.run(
        str(tmp_path / "again"),
        loss=loss,
        options=SAVE | {"bf16": True},
        dropout=0.1,
        resume=f"{tmp_path}/run/checkpoint-2",
    )
    assert again["parameters"] == found["parameters"]
    parameters = torch.tensor(found["parameters"])
    assert not torch.equal(parameters.bfloat16().float(), parameters)


def test_both_together_resume_exactly(tmp_path) -> None:
    options = {"loss": "label cross-entropy", "options": SAVE | RECOMPUTED | {"bf16": True}, "dropout": 0.1}
    whole = hf_jobs.run(str(tmp_path / "whole"), **options)
    again = hf_jobs.run(str(tmp_path / "again"), resume=f"{tmp_path}/whole/checkpoint-2", **options)
    assert again["parameters"] == whole["parameters"]
