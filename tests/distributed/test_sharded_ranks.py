"""Two ranks with sharded parameters (FSDP2, gloo) train, evaluate, score and save as one process does."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file
from tests.distributed.test_hf_ranks import launch
from tests.support.faults import hf_jobs

pytestmark = [pytest.mark.distributed, pytest.mark.slow]

SHARDED = {"fsdp": True}
SAVE = {"max_steps": 3, "save_strategy": "steps", "save_steps": 2}
CLIPPED = {"max_steps": 3, "max_grad_norm": 0.5, "optim": "adamw_torch_fused"}
BEST = {
    "max_steps": 3,
    "learning_rate": 0.5,  # so fast that the last step is not the best
    "load_best_model_at_end": True,
    **dict.fromkeys(("save_strategy", "eval_strategy"), "steps"),
    **dict.fromkeys(("save_steps", "eval_steps"), 1),
}
JOBS: dict[str, dict[str, Any]] = {
    "sequence": {"loss": "sequence", "options": {"max_steps": 3}},
    "labels": {
        "loss": "label cross-entropy",
        "accumulation": 2,
        "evaluate": True,
        "score": True,
        "options": SAVE | {"optim": "adamw_torch"},
    },
    "clipped": {"loss": "token", "accumulation": 2, "options": CLIPPED},
    "recomputed": {"loss": "label cross-entropy", "options": {"max_steps": 3, "activation_checkpointing": True}},
    "famo": {"loss": "sequence", "task_weighting": "famo", "options": {"max_steps": 3}},
    "adapter": {"loss": "label cross-entropy", "adapter": True, "evaluate": True, "score": True, "options": SAVE},
    "causal": {"loss": "label cross-entropy", "decoder_only": True, "evaluate": True, "score": True, "options": SAVE},
    "best": {"loss": "sequence", "evaluate": True, "options": BEST},
}


SCORED = ["labels", "adapter", "causal"]


def on(ranks: int, folder: Path, job: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a job of the same global batch on that many ranks, sharded if there are two."""
    accumulation = job.get("accumulation", 1)
    options = job["options"] | (SHARDED if ranks == 2 else {})
    batch = {"batch": 8 // accumulation // ranks, "accumulation": accumulation}
    return job | batch | {"folder": str(folder), "options": options} | more


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("sharded")


@pytest.fixture(scope="module")
def alone(folder) -> dict[str, Any]:
    return {name: hf_jobs.run(**on(1, folder / f"{name}-1", job)) for name, job in JOBS.items()}


@pytest.fixture(scope="module")
def both(folder, alone) -> dict[str, Any]:
    """Of each job what both ranks found; and of runs of one process and of two that two ranks resume."""
    jobs = {name: on(2, folder / f"{name}-2", job) for name, job in JOBS.items()}
    for name, of in (("one then two", "labels-1"), ("two then two", "labels-2")):
        resume = {"resume": str(folder / of / "checkpoint-2")}
        jobs[name] = on(2, folder / f"labels {name}", JOBS["labels"], **resume)
    return dict(zip(jobs, launch(folder, "jobs", list(jobs.values())), strict=True))


def same(found: dict[str, Any], expected: dict[str, Any], since: int = 0) -> None:
    assert_allclose(found["parameters"], expected["parameters"], rtol=1e-5, atol=1e-5)
    for name in ("losses", "norms"):
        assert_allclose(found[name], expected[name][since:], rtol=1e-4 if since or name == "norms" else 1e-5)


@pytest.mark.parametrize("name", JOBS)
def test_each_rank_holds_half_of_the_parameters_and_trains_as_one_process(alone, both, name) -> None:
    for found in both[name]:
        assert found["share"] == pytest.approx(0.5, abs=0.01)
        same(found, alone[name])


@pytest.mark.parametrize("name", [*SCORED, "best"])
def test_the_validation_loss_is_that_of_one_process(alone, both, name) -> None:
    assert [found["eval_loss"] for found in both[name]] == pytest.approx([alone[name]["eval_loss"]] * 2, rel=1e-5)


def test_the_best_model_is_loaded_at_the_end(folder, both) -> None:
    states = [folder / f"best-2/checkpoint-{step}" for step in (1, 2, 3)]
    best = json.loads((states[-1] / "trainer_state.json").read_text())["best_model_checkpoint"]
    assert Path(best) != states[-1], "it would be loaded already"
    expected = hf_jobs.tiny_t5()
    expected.load_state_dict(load_file(Path(best) / "model.safetensors"), strict=False)
    assert_allclose(both["best"][0]["parameters"], hf_jobs.flat(expected), atol=1e-6)


@pytest.mark.parametrize("name", SCORED)
def test_label_scores_are_those_of_one_process(alone, both, name) -> None:
    for found in both[name]:
        for here, expected in zip(found["scores"], alone[name]["scores"], strict=True):
            assert_allclose(here, expected, rtol=1e-5)


def test_a_checkpoint_is_that_of_one_process(folder, both) -> None:
    one, two = (folder / f"labels-{ranks}" / "checkpoint-2" for ranks in (1, 2))
    of_ranks = {"rng_state.pth", "rng_state_0.pth", "rng_state_1.pth", "equipoise_loss_1.json"}
    names = [{path.name for path in each.iterdir()} - of_ranks for each in (one, two)]
    assert names[0] == names[1]
    assert (one / "config.json").read_text() == (two / "config.json").read_text()
    weights = [load_file(each / "model.safetensors") for each in (one, two)]
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-5, atol=1e-5)
    moments = [torch.load(each / "optimizer.pt", weights_only=True) for each in (one, two)]
    assert moments[0]["param_groups"] == moments[1]["param_groups"]
    torch.testing.assert_close(moments[1]["state"], moments[0]["state"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["one then two", "two then two"])
def test_two_ranks_resume(alone, both, name) -> None:
    for found in both[name]:
        same(found, alone["labels"])
    if name == "two then two":
        assert both[name][0]["parameters"] == both["labels"][0]["parameters"]


def test_one_process_resumes_what_two_ranks_began(folder, alone, both, tmp_path) -> None:
    resume = str(folder / "labels-2" / "checkpoint-2")
    same(hf_jobs.run(**on(1, tmp_path, JOBS["labels"], resume=resume)), alone["labels"])
