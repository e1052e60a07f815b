"""`torch_compile` trains with every loss, and to the parameters of a run that is not compiled."""

from typing import Any

import hf_jobs
import numpy as np
import pytest
import torch

SAVE = {"max_steps": 3, "save_strategy": "steps", "save_steps": 2}


@pytest.fixture
def compiled(monkeypatch) -> Any:
    """Options of a compiled run; transformers tells accelerate by the environment, for all later runs of a process."""
    for name in ("ACCELERATE_DYNAMO_BACKEND", "ACCELERATE_DYNAMO_MODE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield {"torch_compile": True, "torch_compile_backend": "eager"}
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["sequence", "token", *hf_jobs.LABEL_LOSSES])
def test_a_compiled_model_trains_and_resumes_as_one_that_is_not(tmp_path, compiled, loss) -> None:
    plain = hf_jobs.run(str(tmp_path / "plain"), loss=loss, options=SAVE, evaluate=True)
    found = hf_jobs.run(str(tmp_path / "compiled"), loss=loss, options=SAVE | compiled, evaluate=True)
    again = hf_jobs.run(
        str(tmp_path / "again"),
        loss=loss,
        options=SAVE | compiled,
        resume=str(tmp_path / "compiled" / "checkpoint-2"),
        evaluate=True,
    )
    for run in (found, again):
        np.testing.assert_allclose(run["parameters"], plain["parameters"], atol=1e-6)
        assert run["eval_loss"] == pytest.approx(plain["eval_loss"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["famo", "uncertainty", "dwa"])
def test_a_compiled_model_trains_with_weighted_tasks(tmp_path, compiled, method) -> None:
    options = {"loss": "label cross-entropy", "task_weighting": method}
    plain, found = (
        hf_jobs.run(str(tmp_path / name), options=SAVE | more, **options)
        for name, more in (("plain", {}), ("compiled", compiled))
    )
    np.testing.assert_allclose(found["parameters"], plain["parameters"], atol=1e-6)
