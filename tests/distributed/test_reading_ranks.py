"""Streams that are read in order on two real ranks: divided once, whatever would divide them again."""

import importlib.util
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from tests.support.loaders import BATCH, PER_STEP, lightning_fit, steps_of
from tests.support.processes import on_ranks
from tests.support.reading import steps_read, steps_taken, stream

from equipoise import Shard
from equipoise.loaders import StreamLoader, prepare_loader

pytestmark = pytest.mark.distributed
RANKS, LAST, AT = 2, 11, 5  # step 5 is in the second epoch
SCRIPT = Path(__file__).parents[1] / "integration" / "hf_jobs.py"
SAVE = {"save_strategy": "steps", "save_steps": AT, "save_total_limit": None}


def load_jobs():
    spec = importlib.util.spec_from_file_location("hf_jobs_that_read", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained(folder, steps, resume=None, batch=4, workers=0, **options):
    """Train with the Trainer, whose global batch is 8, and leave the rows of each step in the folder."""
    loading = {"dataloader_num_workers": workers, "dataloader_multiprocessing_context": "fork" if workers else None}
    options = SAVE | loading | {"max_steps": steps} | options
    return load_jobs().run(str(folder), resume, batch=batch, read=True, options=options)["parameters"]


def loader_of(rank, workers=0):
    options = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
    return StreamLoader(stream(), batch_size=BATCH, accumulation=PER_STEP // RANKS, shard=Shard(rank, RANKS), **options)


def resumed(rank):
    """With workers, and then without and from the state of the other rank."""
    first = loader_of(rank, workers=2)
    before, states = steps_taken(first, AT), [None] * RANKS
    dist.all_gather_object(states, first.state_dict())
    second = loader_of(rank)
    second.load_state_dict(states[1 - rank])
    return before + steps_taken(second, LAST)


def accelerated(folder=None, last=LAST, **configuration):
    from accelerate import Accelerator
    from accelerate.utils import DataLoaderConfiguration

    accelerator = Accelerator(
        cpu=True,
        gradient_accumulation_steps=PER_STEP // RANKS,
        dataloader_config=DataLoaderConfiguration(**configuration),
    )
    model = torch.nn.Linear(1, 1)
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 1e-6))
    loader = prepare_loader(accelerator, stream(), batch_size=BATCH)
    if folder is not None and Path(folder).exists():
        accelerator.load_state(folder)
    steps = []
    for batches in loader.steps():
        for batch in batches:
            with accelerator.accumulate(model):
                accelerator.backward(model(batch[:, None].float()).mean())
                optimizer.step()
                optimizer.zero_grad()
        steps.append(torch.cat(batches).tolist())
        if loader.step == last:
            break
    if folder is not None:
        accelerator.save_state(folder)
    return steps


def with_lightning(folder, **options):
    options = {"max_epochs": -1, "max_steps": LAST, "default_root_dir": folder, **options}
    try:
        return lightning_fit("mixed", ranks=RANKS, read=stream, devices=RANKS, strategy="ddp", **options)
    finally:
        os.environ["WORLD_SIZE"] = str(RANKS)  # Lightning takes it out when it ends


def jobs(rank, folder):
    yield "trainer", trained(f"{folder}/trainer", LAST)
    yield "trainer resumed", trained(f"{folder}/resumed", LAST, f"{folder}/alone/checkpoint-{AT}", workers=2)
    yield "loader", steps_taken(loader_of(rank), LAST)
    yield "loader resumed", resumed(rank)
    yield "accelerate", accelerated()
    yield "accelerate dispatch", accelerated(dispatch_batches=True)
    yield "accelerate split", accelerated(split_batches=True)
    yield "accelerate resumed", accelerated(f"{folder}/saved", AT) + accelerated(f"{folder}/saved")
    yield "lightning", with_lightning(folder, use_distributed_sampler=True)
    with_lightning(folder, save=("batch", AT, f"{folder}/saved.ckpt"))
    dist.barrier()
    yield "lightning resumed", with_lightning(folder, resume=f"{folder}/saved.ckpt")


def work(rank, folder):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(RANKS), LOCAL_WORLD_SIZE=str(RANKS))
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=RANKS, timeout=timedelta(minutes=4)
    )
    Path(folder, f"{rank}.json").write_text(json.dumps(dict(jobs(rank, folder))))
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each rank saw in each job; and what one process trained in the Trainer before."""
    folder = tmp_path_factory.mktemp("reading")
    alone = trained(folder / "alone", LAST, batch=8)
    on_ranks(work, (str(folder),), RANKS)
    found = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(RANKS)]
    return folder, alone, lambda job: [rank[job] for rank in found]


@pytest.mark.parametrize(
    "job", ["loader", "loader resumed", "accelerate", "accelerate dispatch", "accelerate split", "accelerate resumed"]
)
def test_ranks_together_take_the_steps_of_the_stream(ranks, job):
    first, second = ranks[2](job)
    assert [sorted(one + other) for one, other in zip(first, second, strict=True)] == steps_read(LAST)
    assert {len(step) for step in first} == {len(step) for step in second} == {BATCH * PER_STEP // RANKS}


def test_lightning_takes_them_too(ranks):
    assert steps_of(*ranks[2]("lightning")) == steps_read(LAST)
    assert steps_of(*ranks[2]("lightning resumed")) == steps_read(LAST, AT)


def test_the_trainer_trains_two_ranks_on_the_stream_as_one(ranks):
    folder, alone, found = ranks
    jobs = load_jobs()
    for name, first in (("alone", 0), ("trainer", 0), ("resumed", AT)):
        rows = jobs.rows_by_step(folder / name)
        assert sorted(rows) == list(range(first, LAST))
        expected = [sorted(step) for step in jobs.rows_read(range(first, LAST))]
        assert [sorted(rows[step]) for step in range(first, LAST)] == expected
    for job in ("trainer", "trainer resumed"):
        for parameters in found(job):
            assert parameters == pytest.approx(alone, rel=1e-4, abs=1e-6)
