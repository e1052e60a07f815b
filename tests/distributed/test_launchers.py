"""Each example as it stands, under its launcher: one stream, one loss and the same weights on 1, 2 and 4 ranks.

A toy epoch is four steps. A run of each launcher goes from one rank to two, to four and back to one, with other
accumulations and with workers, resumed in epochs 0, 1 and 2 and between two epochs.

It draws a schedule: it is resumed inside its stages and exactly where they begin, and the plan of the last stage is
decided while it trains. It must train on the same rows, and end with the same weights, as a run in which all of that
was planned.
"""

import json
import os
import re
import subprocess
import sys

import pytest
import torch
from tests.support.launchers import (
    BEGIN,
    DECIDED,
    EXAMPLES,
    GLOBAL_BATCH,
    STAGES,
    drawn,
    rows_of_steps,
    run_alone,
    run_on_ranks,
    used,
    weights_in,
)

from equipoise import Schedule

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
STEPS = 12
EXAMPLE_OF = {
    "hf_trainer": "hf_trainer",
    "own_trainer": "own_trainer",
    "accelerate_loop": "accelerate_loop",
    "accelerate stateful": "accelerate_loop",
    "lightning_module": "lightning_module",
    "torchrun_ddp": "torchrun_ddp",
    "torchrun fsdp": "torchrun_ddp",
}
# Ranks, batch size, accumulation, workers, first and last step.
CHAIN = [(1, 4, 2, 0, 0, 2), (2, 2, 2, 2, 2, 4), (2, 4, 1, 0, 4, 6), (4, 1, 2, 0, 6, 10), (1, 8, 1, 0, 10, 12)]
each_launcher = pytest.mark.parametrize("launcher", EXAMPLE_OF)
each_example = pytest.mark.parametrize("example", sorted(set(EXAMPLE_OF.values())))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder, and what each rank saw in each job."""
    folder = tmp_path_factory.mktemp("launchers")

    def links(chosen):
        return {
            f"{launcher} {first}": (
                *(launcher, folder / launcher, batch, accumulation, last, workers, first > 0, "declared"),
                (DECIDED - first) * accumulation if first <= DECIDED < last else None,
            )
            for launcher in EXAMPLE_OF
            for ranks, batch, accumulation, workers, first, last in chosen
        }

    examples = sorted(set(EXAMPLE_OF.values()))
    alone = {f"{name} alone": (name, folder / f"{name} alone", 8, 1, STEPS, 0, False, "used") for name in examples}
    both = {f"{name} both": (name, folder / f"{name} both", 2, 2, STEPS, 2, False, "used") for name in examples}
    again = folder / "sharded again"
    sharded = {
        "sharded": ("lightning sharded", folder / "sharded", 2, 2, STEPS, 0, False, "used"),
        "sharded 0": ("lightning sharded", again, 2, 2, 6, 0, False, "used"),
        "sharded 6": ("lightning sharded", again, 4, 1, STEPS, 0, True, "used"),
    }
    found = run_alone(alone | links(CHAIN[:1]))
    found |= run_on_ranks(2, folder / "two", both | links(CHAIN[1:3]) | sharded)
    found |= run_on_ranks(4, folder / "four", links(CHAIN[3:4]))
    found |= run_alone(links(CHAIN[4:]))
    return folder, found


def assert_same_weights(folder, other):
    expected, found = weights_in(folder), weights_in(other)
    assert len(expected) > 15
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


@each_example
@pytest.mark.parametrize("ranks", ["alone", "both"])
def test_all_ranks_together_train_on_the_stream(runs, example, ranks):
    """In all three epochs, with workers and accumulation on two ranks."""
    assert rows_of_steps(runs[1][f"{example} {ranks}"]) == drawn(0, STEPS, used())
    assert len({tuple(rows) for rows in drawn(0, STEPS, used())}) == STEPS, "epochs would look alike"


@each_example
def test_two_ranks_have_the_loss_and_the_weights_of_one(runs, example):
    folder, found = runs
    (alone,) = found[f"{example} alone"]
    for rank in found[f"{example} both"]:
        assert rank["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    assert_same_weights(folder / f"{example} alone", folder / f"{example} both")


def test_the_same_loss_is_the_same_under_every_launcher(runs):
    folder, found = runs
    losses = found["hf_trainer alone"][0]["losses"]
    assert losses[-1] < 0.8 * losses[0]
    for example in ("accelerate_loop", "lightning_module", "torchrun_ddp"):
        assert found[f"{example} alone"][0]["losses"] == pytest.approx(losses, rel=1e-5)
        assert_same_weights(folder / "hf_trainer alone", folder / f"{example} alone")


@each_launcher
@pytest.mark.parametrize("link", CHAIN, ids=lambda link: f"{link[0]} ranks from step {link[4]}")
def test_a_resumed_run_goes_on_on_any_number_of_ranks(runs, launcher, link):
    ranks, *_, first, last = link
    seen = runs[1][f"{launcher} {first}"]
    assert len(seen) == ranks
    assert rows_of_steps(seen) == drawn(first, last, used())


@each_launcher
def test_another_plan_is_drawn_on_all_ranks_or_on_none(runs, launcher):
    """Decided in step 7 on four ranks, for step 9: it is in the checkpoints of steps 8 and 10, before and after."""
    said, *others = (rank["decided"] for rank in runs[1][f"{launcher} 6"])
    assert others == [said] * 3
    (differ, positions), (begun, position), begin = said
    assert (differ, begun, begin) == ("ranks-differ", "position-out-of-range", BEGIN * GLOBAL_BATCH)
    first = re.search(r"The first position that is possible on all ranks is (\d+)\.", positions)
    assert DECIDED * GLOBAL_BATCH < int(first[1]) <= BEGIN * GLOBAL_BATCH  # what was read ahead
    assert first[0] in position


def test_what_was_planned_and_decided_differs_in_every_stage():
    """Else the rows would be the same without it."""
    course = used()
    assert [stage.at for stage in course.stages] == [step * GLOBAL_BATCH for step in (0, *STAGES, BEGIN)]
    for number in range(1, 4):
        rest = Schedule(course.stages[:number])
        begin = course.stages[number].at // GLOBAL_BATCH
        assert drawn(begin, begin + 1, course) != drawn(begin, begin + 1, rest)


@each_launcher
def test_a_run_that_was_resumed_four_times_ends_with_the_same_loss_and_weights(runs, launcher):
    folder, found = runs
    example = EXAMPLE_OF[launcher]
    (alone,), (last,) = found[f"{example} alone"], found[f"{launcher} 10"]
    assert last["losses"][-2:] == pytest.approx(alone["losses"][-2:], rel=1e-5)
    assert_same_weights(folder / f"{example} alone", folder / launcher)


def test_lightning_shards_parameters_and_trains_and_resumes_as_one_process(runs):
    """By its ModelParallelStrategy, with `fully_shard` in `configure_model`."""
    folder, found = runs
    (alone,) = found["lightning_module alone"]
    assert rows_of_steps(found["sharded"]) == drawn(0, STEPS, used())
    assert rows_of_steps(found["sharded 6"]) == drawn(6, STEPS, used())
    for rank in found["sharded"]:
        assert rank["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    for rank in found["sharded 6"]:
        assert rank["losses"] == pytest.approx(alone["losses"][6:], rel=1e-5)
    for name in ("sharded", "sharded again"):
        assert_same_weights(folder / "lightning_module alone", folder / name)


@pytest.mark.parametrize(
    ("command", "example"),
    [
        (["torch.distributed.run", "--nproc-per-node=2"], "torchrun_ddp"),
        (["accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1", "--mixed_precision=no",
          "--dynamo_backend=no"], "accelerate_loop"),
    ],
    ids=["torchrun", "accelerate launch"],
)  # fmt: skip
def test_the_command_of_a_launcher(tmp_path, command, example):
    """Judged by what it wrote: gloo's threads sometimes abort an interpreter that ends.

    What starts several processes under accelerate is called `--multi_gpu`, also where the script asks for CPUs.
    """
    arguments = [EXAMPLES / f"{example}.py", tmp_path, "--steps=2", "--save-every=1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", *command, *arguments], env=environment, check=False, timeout=120)
    if example == "torchrun_ddp":
        state = torch.load(tmp_path / "newest.pt", weights_only=True)["loader"]
    else:
        state = json.loads((tmp_path / "checkpoint-2" / "equipoise_loader.json").read_text())
        assert (tmp_path / "checkpoint-2" / "random_states_1.pkl").exists(), "there was no second rank"
    assert (state["step"], state["global_batch"], state["sampler"]["position"]) == (2, 8, 16)
