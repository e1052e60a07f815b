"""Two workers of Ray Train, by its real package: what docs/loaders.md says of them, and the example."""

import importlib
import json
import os
from pathlib import Path

import pytest
from tests.support.launchers import EXAMPLES, drawn, recorded_models, rows_of_steps, run_alone
from tests.support.loaders import BATCH, EPOCHS, PER_STEP, ROWS, make, steps_alone, steps_of

pytestmark = [
    pytest.mark.distributed,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # those of ray, which warns of itself
]
RANKS, FOLDER = 2, Path(__file__).parents[2]
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


@pytest.fixture(scope="module")
def ray():
    """Ray, started."""
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.train"), pytest.importorskip("ray.train.torch")
    try:
        ray.init(
            num_cpus=RANKS + 1, include_dashboard=False, runtime_env={"env_vars": ENVIRONMENT}, log_to_driver=False
        )
    except Exception as error:  # noqa: BLE001 - of whatever kind: no port, no memory, no room in /tmp
        pytest.skip(f"ray cannot start here: {error}")
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def workers(ray, tmp_path_factory):
    """What each worker saw."""
    import ray.train.torch as torch_of_ray
    from ray import train

    folder = tmp_path_factory.mktemp("ray")
    torch_of_ray.TorchTrainer(
        work,
        train_loop_config={"folder": str(folder)},
        scaling_config=train.ScalingConfig(num_workers=RANKS, use_gpu=False),
        run_config=train.RunConfig(storage_path=str(folder / "results")),
    ).fit()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(ranks)]


@pytest.mark.parametrize("how", ["whole", "parts"])
def test_a_stream_loader_takes_the_steps_of_one_process(workers, how):
    assert steps_of(*(each[how] for each in workers)) == steps_alone("one_task")


def test_prepare_data_loader_replaces_the_sampler(workers):
    seen = sorted(row for each in workers for row in each["theirs"])
    assert seen == list(range(ROWS)), "every row once: not the draws of the plan"


def work_of_the_example(options):
    """Do it, and write which rows the model of this worker received."""
    import ray.train

    example = importlib.import_module("ray_train")
    with recorded_models("ray_train") as batches:
        example.work(options)
    seen = {"batches": batches, "accumulation": options["accumulation"]}
    rank = ray.train.get_context().get_world_rank()
    Path(f"{options['output']}-{options['steps']}-{rank}.json").write_text(json.dumps(seen))


def test_the_example_trains_on_the_stream_and_resumes(ray, tmp_path, monkeypatch):
    """Two workers, and then one, from the middle of the first epoch into the second."""
    example = importlib.import_module("ray_train")
    (alone,) = run_alone({"job": ("torchrun_ddp", tmp_path / "alone", 8, 1, 6)})["job"]
    steps = []
    for ranks, batch, accumulation, last in ((RANKS, 2, 2, 3), (1, 8, 1, 6)):
        options = {"batch-size": batch, "accumulation": accumulation, "steps": last, "save-every": 3}
        given = [str(tmp_path / "run"), *(f"--{name}={value}" for name, value in options.items())]
        with monkeypatch.context() as patched:
            patched.setattr(example, "work", work_of_the_example)
            result = example.main(given, workers=ranks)
        steps += rows_of_steps(
            [json.loads((tmp_path / f"run-{last}-{rank}.json").read_text()) for rank in range(ranks)]
        )
    assert steps == drawn(0, 6)
    assert result.metrics["loss"] == pytest.approx(alone["losses"][-1], rel=1e-5)
