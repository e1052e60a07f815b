"""Two ranks: the loss of one, a stream that survives kill and resume, and a stop that all agree on."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.support.faults import hf_jobs
from tests.support.processes import Started

pytestmark = [pytest.mark.distributed, pytest.mark.slow]

SAVE = {"save_strategy": "steps", "save_steps": 4, "save_total_limit": None}
HALF = {"batch": 4, "options": SAVE}  # with two ranks the same global batch of 8
STEPS = range(30)  # three epochs of ten steps
LOSSES = ["sequence", "token", "weighted", "logit adjusted", "ldam"]
CUTS = [(loss, batch, accumulation, False) for loss in LOSSES for batch, accumulation in ((4, 1), (2, 2))]
# A decoder-only model reads inputs and labels in two forward passes.
CUTS += [("sequence", 4, 1, True), ("ldam", 4, 1, True), ("ldam", 2, 2, True)]
ADAPTER = {"adapter": True, "options": {"max_steps": 3, "label_names": ["labels"]}}
KILLED_IN = 23  # epoch 2; the last checkpoint before it is of step 20


def launch(folder: Path, name: str, jobs: list[dict[str, Any]], expect_kill: bool = False) -> list[list[dict]]:
    """Run jobs on two new processes; give the results of each finished job, by rank."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(jobs))
    store = str(folder / f"{name}.store")
    ranks = [Started(hf_jobs.main, str(rank), "2", store, str(path)) for rank in (0, 1)]
    codes = [rank.wait(240) for rank in ranks]
    if not expect_kill:
        assert codes == [0, 0], "\n".join(rank.stderr for rank in ranks)
    done = [number for number in range(len(jobs)) if Path(f"{path}.{number}.1").exists()]
    return [[json.loads(Path(f"{path}.{number}.{rank}").read_text()) for rank in (0, 1)] for number in done]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory) -> tuple[Path, list, list]:
    """First two processes that end by SIGKILL, then two new ones that resume what the first left."""
    folder = tmp_path_factory.mktemp("ranks")
    jobs = [
        {
            "folder": f"{folder}/loss-{i}",
            "loss": loss,
            "batch": batch,
            "accumulation": accumulation,
            "decoder_only": decoder_only,
            # By default DDP looks for parameters without gradients; there are none, so it need not.
            "options": {"max_steps": 3} | ({"ddp_find_unused_parameters": False} if accumulation == 2 else {}),
        }
        for i, (loss, batch, accumulation, decoder_only) in enumerate(CUTS)
    ]
    jobs[0]["evaluate"] = True
    jobs.append(ADAPTER | {"folder": f"{folder}/adapter", "batch": 4})
    jobs.append(HALF | {"folder": f"{folder}/stopped", "send": (12, int(signal.SIGTERM), 1)})
    jobs.append(HALF | {"folder": f"{folder}/rotation", "rotation": True})
    jobs.append(HALF | {"folder": f"{folder}/killed", "send": (KILLED_IN, int(signal.SIGKILL), -1)})
    first = launch(folder, "first", jobs, expect_kill=True)
    resumes = [
        HALF | {"folder": f"{folder}/killed", "resume": True},
        HALF | {"folder": f"{folder}/stopped", "resume": True},
        *(
            HALF | {"folder": f"{folder}/from-{step}", "resume": f"{folder}/killed/checkpoint-{step}"}
            for step in (4, 16)
        ),
    ]
    last = f"{folder}/rotation/checkpoint-16"
    resumes.append(HALF | {"folder": f"{folder}/rotation-again", "rotation": True, "resume": last})
    return folder, first, launch(folder, "second", resumes)


@pytest.mark.parametrize(("number", "cut"), list(enumerate(CUTS)))
def test_two_ranks_have_the_loss_gradient_and_parameters_of_the_formula(sessions, number, cut) -> None:
    expected = hf_jobs.by_hand(3, cut[0], decoder_only=cut[3])
    for found in sessions[1][number]:
        assert_allclose(found["losses"], expected["losses"], rtol=1e-5)
        assert_allclose(found["norms"], expected["norms"], rtol=1e-5)
        assert_allclose(found["parameters"], expected["parameters"], rtol=1e-5, atol=1e-6)


def test_two_ranks_train_an_adapter_as_one(sessions, tmp_path) -> None:
    expected = hf_jobs.run(str(tmp_path), batch=8, **ADAPTER)
    for found in sessions[1][len(CUTS)]:
        assert_allclose(found["losses"], expected["losses"], rtol=1e-5)
        assert_allclose(found["parameters"], expected["parameters"], rtol=1e-5, atol=1e-7)


def test_two_ranks_evaluate_every_example_once(sessions, tmp_path) -> None:
    ranks = sessions[1][0]
    trainer = hf_jobs.build(tmp_path)
    assert len(trainer.eval_dataset) % (2 * trainer.args.eval_batch_size), "nothing would be filled up"
    flat = np.array(ranks[0]["parameters"], dtype=np.float32)
    for parameter in trainer.model.parameters():
        values, flat = flat[: parameter.numel()], flat[parameter.numel() :]
        parameter.data.copy_(hf_jobs.torch.from_numpy(values.reshape(parameter.shape)))
    expected = trainer.evaluate()["eval_loss"]
    assert [found["eval_loss"] for found in ranks] == pytest.approx([expected] * 2, rel=1e-5)


def test_the_killed_run_was_killed(sessions) -> None:
    assert len(sessions[1]) == len(CUTS) + 3, "the killed job must not have finished"


def test_after_a_kill_the_ranks_together_train_on_the_stream(sessions) -> None:
    found = hf_jobs.rows_by_step(sessions[0] / "killed")
    assert [found[step] for step in STEPS] == hf_jobs.rows_of_steps(STEPS)


@pytest.mark.parametrize("step", [4, 16])
def test_ranks_resume_from_any_checkpoint(sessions, step) -> None:
    found = hf_jobs.rows_by_step(sessions[0] / f"from-{step}")
    assert [found.get(k) for k in STEPS] == [None] * step + hf_jobs.rows_of_steps(STEPS[step:])


def test_a_sampler_without_state_is_resumed_in_its_second_epoch(sessions) -> None:
    # Here nothing but the callback tells the sampler its epoch: the Trainer's own call does not reach it.
    whole, tail = (hf_jobs.rows_by_step(sessions[0] / name) for name in ("rotation", "rotation-again"))
    assert [whole[step][0] for step in (0, 10, 20)] == [0, 5, 10]
    assert tail == {step: whole[step] for step in STEPS[16:]}


def test_resumed_runs_end_with_the_same_parameters(sessions) -> None:
    ends = [found["parameters"] for ranks in sessions[2][:4] for found in ranks]
    for other in ends[1:]:
        assert_allclose(other, ends[0], rtol=1e-5, atol=1e-6)


def test_one_rank_resumes_what_two_began(sessions, tmp_path) -> None:
    hf_jobs.run(str(tmp_path), resume=str(sessions[0] / "killed" / "checkpoint-16"), batch=8, options=SAVE)
    found = hf_jobs.rows_by_step(tmp_path)
    assert [found[step] for step in STEPS[16:]] == hf_jobs.rows_of_steps(STEPS[16:])


def test_a_signal_to_one_rank_stops_both_at_the_same_step(sessions) -> None:
    stopped = sessions[1][len(CUTS) + 1]
    assert [(rank["interrupted"], rank["step"]) for rank in stopped] == [(True, 13)] * 2
    assert [(rank["interrupted"], rank["step"]) for rank in sessions[2][1]] == [(False, 30)] * 2
    found = hf_jobs.rows_by_step(sessions[0] / "stopped")
    assert [found[step] for step in STEPS] == hf_jobs.rows_of_steps(STEPS)


def test_metrics_of_a_killed_run_hold_every_step_once(sessions) -> None:
    lines = [json.loads(line) for line in (sessions[0] / "killed" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [step + 1 for step in STEPS]
