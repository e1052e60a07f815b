"""Two workers of Ray Train, by its real package: what docs/loaders.md says of them, and the example."""

import importlib
import json
import os
from pathlib import Path

import pytest
from tests.support.launchers import (
    BEGIN,
    DECIDED,
    EXAMPLES,
    GLOBAL_BATCH,
    drawing,
    drawn,
    recorded_models,
    rows_of_steps,
    run_alone,
    used,
)
from tests.support.loaders import BATCH, EPOCHS, PER_STEP, ROWS, make, steps_alone, steps_of

pytestmark = [
    pytest.mark.distributed,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # those of ray, which warns of itself
]
RANKS, FOLDER = 2, Path(__file__).parents[2]
FIRST, LAST = 8, 10  # steps, between those in which another plan is decided and drawn
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": f"{os.pathsep.join(map(str, (FOLDER / 'src', FOLDER, EXAMPLES)))}",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


def work(config):
    """Write what this worker trains on: by StreamLoader, resumed in epoch 1, and by prepare_data_loader."""
    import ray.train
    import ray.train.torch
    from torch.utils.data import DataLoader

    from equipoise import Shard
    from equipoise.loaders import StreamLoader

    context = ray.train.get_context()
    shard = Shard(context.get_world_rank(), context.get_world_size())

    def loader():
        options = {"batch_size": BATCH, "accumulation": PER_STEP // RANKS, "shard": shard}
        return StreamLoader(range(ROWS), lambda shard: make("one_task", shard), **options)

    def train(loader, seen):
        for epoch in range(loader.epoch, len(EPOCHS)):
            for batches in loader.steps():
                seen += [(epoch, loader.step - 1, batch.tolist()) for batch in batches]
                if loader.step == 13:
                    yield loader.state_dict()

    first, rest, whole = [], [], []
    state = next(train(loader(), first))
    resumed = loader()
    resumed.load_state_dict(state)
    list(train(resumed, rest))
    list(train(loader(), whole))
    theirs = ray.train.torch.prepare_data_loader(DataLoader(range(ROWS), BATCH, sampler=make("one_task")))
    found = {"parts": first + rest, "whole": whole, "theirs": sorted(row for batch in theirs for row in batch.tolist())}
    Path(config["folder"], f"{shard.rank}.json").write_text(json.dumps(found))


def work_of_the_example(options):
    """Do it, and write which rows the model of this worker received; before that the work of the other tests, once."""
    import ray.train

    if options["steps"] == FIRST:
        work({"folder": Path(options["output"]).parent})
    example = importlib.import_module("ray_train")
    decide_after = DECIDED * options["accumulation"] if options["steps"] == FIRST else None
    with drawing("declared"), recorded_models("ray_train", decide_after) as seen:
        example.work(options)
    seen["accumulation"] = options["accumulation"]
    rank = ray.train.get_context().get_world_rank()
    Path(f"{options['output']}-{options['steps']}-{rank}.json").write_text(json.dumps(seen))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What each worker wrote: two workers, and then one that resumes in the middle of the first epoch."""
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.train.torch")
    folder = tmp_path_factory.mktemp("ray")
    try:
        ray.init(
            num_cpus=RANKS + 1, include_dashboard=False, runtime_env={"env_vars": ENVIRONMENT}, log_to_driver=False
        )
    except Exception as error:  # noqa: BLE001 - of whatever kind: no port, no memory, no room in /tmp
        pytest.skip(f"ray cannot start here: {error}")
    example = importlib.import_module("ray_train")
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(example, "work", work_of_the_example)
            for ranks, batch, accumulation, last in ((RANKS, 2, 2, FIRST), (1, 8, 1, LAST)):
                options = {"batch-size": batch, "accumulation": accumulation, "steps": last, "save-every": FIRST}
                given = [str(folder / "run"), *(f"--{name}={value}" for name, value in options.items())]
                (folder / f"{last}.json").write_text(json.dumps(example.main(given, workers=ranks).metrics))
    finally:
        ray.shutdown()
    return folder


def read(folder, *names):
    return [json.loads((folder / f"{name}.json").read_text()) for name in names]


@pytest.fixture(scope="module")
def workers(folder):
    """What each worker saw in the work of the tests."""
    return read(folder, *range(RANKS))


@pytest.mark.parametrize("how", ["whole", "parts"])
def test_a_stream_loader_takes_the_steps_of_one_process(workers, how):
    assert steps_of(*(each[how] for each in workers)) == steps_alone("one_task")


def test_prepare_data_loader_replaces_the_sampler(workers):
    seen = sorted(row for each in workers for row in each["theirs"])
    assert seen == list(range(ROWS)), "every row once: not the draws of the plan"


def test_the_example_trains_on_the_stream_and_resumes_on_another_number_of_workers(folder, tmp_path):
    (alone,) = run_alone({"job": ("torchrun_ddp", tmp_path, 8, 1, LAST, 0, False, "used")})["job"]
    two, one = read(folder, *(f"run-{FIRST}-{rank}" for rank in range(RANKS))), read(folder, f"run-{LAST}-0")
    assert rows_of_steps(two) + rows_of_steps(one) == drawn(0, LAST, used())
    losses = [metrics["loss"] for metrics in read(folder, FIRST, LAST)]
    assert losses == pytest.approx([alone["losses"][FIRST - 1], alone["losses"][-1]], rel=1e-5)


def test_another_plan_is_drawn_on_all_workers_or_on_none(folder):
    said, other = (each["decided"] for each in read(folder, *(f"run-{FIRST}-{rank}" for rank in range(RANKS))))
    assert said == other
    assert [said[0][0], said[1][0], said[2]] == ["ranks-differ", "position-out-of-range", BEGIN * GLOBAL_BATCH]
