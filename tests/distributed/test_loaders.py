"""The samplers under accelerate, Lightning and torch's DDP on two real ranks: what docs/loaders.md says."""

import json
import os
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from accelerate import skip_first_batches
from tests.support.loaders import (
    BATCH,
    EPOCH,
    EPOCHS,
    KINDS,
    ONE_TASK,
    PER_STEP,
    TOKENS,
    alone,
    lightning_fit,
    load,
    make,
    prepare,
    state_after,
    steps_alone,
    steps_of,
    tasks_of,
    train,
)
from tests.support.processes import on_ranks

from equipoise import Shard

pytestmark = pytest.mark.distributed
RANKS = 2
STATES = ("mixed", "sorted", "tokens")  # one for each class that has a state
each_kind = pytest.mark.parametrize("kind", KINDS)
each_state = pytest.mark.parametrize("kind", STATES)


def into_epoch_1(kind):
    """Optimiser steps to three steps into epoch 1."""
    return len(alone(kind)[0]) // PER_STEP + 3


def accelerated(kind, **options):
    return train(*prepare(kind, make(kind), RANKS, **options))


def resumed_with_accelerate(kind):
    """From a state, whatever number of ranks it was taken on."""
    sampler = make(kind)
    run = prepare(kind, sampler, RANKS, even_batches=False)
    sampler.load_state_dict(state_after(kind, into_epoch_1(kind)))
    run[-1].set_epoch(sampler.sampler.epoch if kind != "mixed" else sampler.epoch)
    return train(*run, epochs=EPOCHS[1:])


def skipped_with_accelerate(kind, sampler_too):
    sampler = make(kind)
    *run, loader = prepare(kind, sampler, RANKS, even_batches=False)
    if sampler_too:
        sampler.set_epoch(1)
        loader.set_epoch(1)
    skipping = skip_first_batches(loader, 3 * PER_STEP // RANKS)
    skipping.set_epoch(1)
    return train(*run, skipping, epochs=[1])


def stateful_with_accelerate(kind):
    run = prepare(kind, make(kind), RANKS, use_stateful_dataloader=True, even_batches=False)
    train(*run, stop=into_epoch_1(kind) * PER_STEP // RANKS)
    state = run[-1].state_dict()
    run = prepare(kind, make(kind), RANKS, use_stateful_dataloader=True, even_batches=False)
    run[-1].load_state_dict(state)
    run[-1].set_epoch(1)
    return train(*run, epochs=EPOCHS[1:])


def with_ddp(kind):
    sampler = make(kind, Shard.from_environment(os.environ))
    loader, seen, step = load(kind, sampler), [], 0
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))
    for epoch in EPOCHS:
        sampler.set_epoch(epoch)
        for number, batch in enumerate(loader, 1):
            model(batch[:, None].float()).mean().backward()
            seen.append((epoch, step, batch.tolist()))
            step += number % (PER_STEP // RANKS) == 0
    return seen


def state_with_ddp(kind):
    sampler = make(kind, Shard.from_environment(os.environ))
    list(islice(load(kind, sampler), 3))
    return sampler.state_dict()


def with_lightning(kind, folder, **options):
    try:
        return lightning_fit(kind, ranks=RANKS, devices=RANKS, strategy="ddp", default_root_dir=folder, **options)
    finally:
        os.environ["WORLD_SIZE"] = str(RANKS)  # Lightning takes it out when it ends


def resumed_with_lightning(kind, folder):
    saved = f"{folder}/{kind}.ckpt"
    with_lightning(kind, folder, save=("batch", into_epoch_1(kind), saved))
    dist.barrier()
    return with_lightning(kind, folder, resume=saved)


def refused_by_lightning(folder):
    try:
        return with_lightning("tokens", folder, use_distributed_sampler=True)
    except TypeError as error:
        return str(error)


def jobs(rank, folder):
    """Everything that the tests look at, in one start of the processes."""
    for kind in KINDS:
        yield f"accelerate {kind}", accelerated(kind, even_batches=kind not in TOKENS)
        yield f"ddp {kind}", with_ddp(kind)
        yield f"lightning {kind}", with_lightning(kind, folder)
    for kind in ("one_task", "tokens"):
        yield f"workers {kind}", accelerated(kind, workers=2)
        yield f"seedable {kind}", accelerated(kind, use_seedable_sampler=True)
        yield f"stateful {kind}", accelerated(kind, use_stateful_dataloader=True)
        yield f"no dispatch {kind}", accelerated(kind, dispatch_batches=False)
    for kind in STATES:
        yield f"state {kind}", state_with_ddp(kind)
        yield f"accelerate resumed {kind}", resumed_with_accelerate(kind)
        yield f"skip {kind}", skipped_with_accelerate(kind, sampler_too=True)
        yield f"skip unreached {kind}", skipped_with_accelerate(kind, sampler_too=False)
        yield f"stateful resumed {kind}", stateful_with_accelerate(kind)
        yield f"lightning resumed {kind}", resumed_with_lightning(kind, folder)
    yield "sharded twice", train(*prepare("mixed", make("mixed", Shard(rank, RANKS)), RANKS))
    again = {"use_distributed_sampler": True, "given": make("one_task")}
    yield "lightning again", with_lightning("one_task", folder, **again)
    yield "lightning refuses", refused_by_lightning(folder)


def work(rank, folder):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(RANKS), LOCAL_WORLD_SIZE=str(RANKS))
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=RANKS, timeout=timedelta(minutes=2)
    )
    Path(folder, f"{rank}.json").write_text(json.dumps(dict(jobs(rank, folder))))
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each rank saw in each job."""
    folder = tmp_path_factory.mktemp("ranks")
    on_ranks(work, (str(folder),), RANKS)
    found = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(RANKS)]
    return lambda job: [rank[job] for rank in found]


@each_kind
@pytest.mark.parametrize("framework", ["accelerate", "lightning", "ddp"])
def test_ranks_together_take_the_steps_of_one_process(ranks, framework, kind):
    seen = ranks(f"{framework} {kind}")
    steps = steps_of(*seen)
    assert steps == steps_alone(kind)
    assert kind not in ONE_TASK or all(len(tasks_of(rows)) == 1 for rows in steps)
    assert {epoch for epoch, *_ in seen[0]} == set(EPOCHS)


@pytest.mark.parametrize("kind", ["one_task", "tokens"])
@pytest.mark.parametrize("how", ["workers", "seedable", "stateful", "no dispatch"])
def test_accelerate_as_it_may_be_configured(ranks, how, kind):
    assert steps_of(*ranks(f"{how} {kind}")) == steps_alone(kind)


@each_state
@pytest.mark.parametrize("how", ["accelerate", "stateful", "lightning"])
def test_resumed_in_epoch_1(ranks, how, kind):
    assert steps_of(*ranks(f"{how} resumed {kind}")) == steps_alone(kind, into_epoch_1(kind))


@each_state
def test_accelerate_skips_batches_of_the_epoch_named_before(ranks, kind):
    of_epoch_1 = steps_alone(kind)[into_epoch_1(kind) : sum(len(epoch) // PER_STEP for epoch in alone(kind)[:2])]
    assert steps_of(*ranks(f"skip {kind}")) == of_epoch_1
    assert steps_of(*ranks(f"skip unreached {kind}")) != of_epoch_1


@each_state
def test_the_state_is_the_same_on_every_rank(ranks, kind):
    first, second = ranks(f"state {kind}")
    assert first == second
    assert first != make(kind).state_dict()


def test_a_shard_under_accelerate_loses_draws(ranks):
    seen = ranks("sharded twice")
    assert sum(len(rows) for rank in seen for _, _, rows in rank) == EPOCH * len(EPOCHS) / 2


def test_lightnings_own_sampler_breaks_batches_up(ranks):
    steps = steps_of(*ranks("lightning again"))
    of_epoch = EPOCH // (BATCH * PER_STEP)
    assert sorted(chain(*steps[:of_epoch])) == sorted(chain(*steps_alone("one_task")[:of_epoch]))
    assert max(len(tasks_of(rows)) for rows in steps) > 1
    assert all("use_distributed_sampler=False" in message for message in ranks("lightning refuses"))
