"""Streams that are read in order, in every loop: steps are those of the stream, resumed anywhere."""

import gc
import json
import multiprocessing
from itertools import chain, islice

import pytest
import torch
from tests.support.errors import raises
from tests.support.loaders import BATCH, PER_STEP, STEP, lightning_fit, make, new_accelerator, steps_of
from tests.support.reading import epochs_end, number_of, steps_read, steps_taken, stream, undivided

from equipoise import Shard
from equipoise.errors import ConfigError, DataError, RunError, StateError
from equipoise.iterable import RepeatFactors, RepeatStream, ShardedStream, ShuffleBuffer
from equipoise.loaders import StreamLoader, prepare_loader

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes:UserWarning"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec:FutureWarning"),  # Lightning 2.6 calls it
]
LAST = 11  # two epochs and a half


def loader_of(shard=Shard(), *, read=None, batch_size=BATCH, **options):  # noqa: B008 - frozen
    accumulation = STEP // batch_size // shard.world_size
    if options.get("num_workers"):
        options["multiprocessing_context"] = "fork"
    return StreamLoader(
        stream() if read is None else read, batch_size=batch_size, accumulation=accumulation, shard=shard, **options
    )


def together(ranks):
    """Steps of all ranks, sorted."""
    return [sorted(chain(*of_ranks)) for of_ranks in zip(*ranks, strict=True)]


def test_the_steps_of_these_tests_hold_the_ends_of_epochs():
    assert sum(epochs_end(LAST)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_all_ranks_take_the_steps_of_the_stream_whatever_the_workers(world_size, workers):
    ranks = [steps_taken(loader_of(Shard(rank, world_size), num_workers=workers), LAST) for rank in range(world_size)]
    assert together(ranks) == steps_read(LAST)
    assert {len(step) for steps in ranks for step in steps} == {STEP // world_size}


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_it_resumes_at_any_step_with_other_workers_and_ranks(workers):
    loader = loader_of(num_workers=workers)
    batches = loader.steps()
    for done in range(LAST):
        state = json.loads(json.dumps(loader.state_dict()))
        ranks = [loader_of(Shard(rank, 2), num_workers=2 if done == 5 else 0) for rank in range(2)]
        for rank in ranks:
            rank.load_state_dict(state)
            assert (rank.step, rank.state_dict()) == (done, state)
        assert together([steps_taken(rank, LAST) for rank in ranks]) == steps_read(LAST, done), done
        next(batches)
        assert loader.step == done + 1


def test_it_continues_an_iteration_that_was_broken_off():
    loader = loader_of()
    assert [loader.epoch, *together([steps_taken(loader, 3)])] == [0, *steps_read(3)]
    assert together([steps_taken(loader, LAST)]) == steps_read(LAST, 3)
    assert loader.epoch == 2
    with pytest.raises(TypeError):
        len(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_that_a_loop_fetched_and_did_not_train_on_come_again(workers):
    loader = loader_of(num_workers=workers, persistent_workers=workers > 0)
    fetched = list(islice(loader.loader, 7))
    for _ in range(PER_STEP):
        loader.batch_done()
    state = loader.state_dict()
    assert torch.equal(
        torch.cat(list(islice(loader.loader, 5))), torch.cat([*fetched[PER_STEP:], *islice(loader.loader, 3, 5)])
    )
    assert loader.state_dict() == state
    loader.load_state_dict(state)
    assert together([steps_taken(loader, LAST)]) == steps_read(LAST, 1)


def test_a_new_loader_reads_from_the_beginning_whatever_was_read_before():
    read = stream()
    list(islice(read, 7))
    assert together([steps_taken(loader_of(read=read), 2)]) == steps_read(2)


def test_an_example_is_transformed_on_its_rank_alone():
    seen = []
    loader = StreamLoader(
        ShardedStream(range(40), transform=lambda row: seen.append(row) or row), batch_size=5, shard=Shard(1, 2)
    )
    next(iter(loader))
    assert seen == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("by", ["examples", "parts"])
def test_a_plain_loader_transforms_too(by):
    assert list(ShardedStream(range(3), by=by, transform=str)) == ["0", "1", "2"]


def test_a_state_is_refused_inside_a_step_and_of_another_stream():
    loader = loader_of()
    list(islice(loader, 2))
    with raises(RunError, "inside-step"):
        loader.state_dict()
    list(islice(loader, 2))
    state = loader.state_dict()
    with raises(StateError, "other-stream", "size was 10 and is 11"):
        loader_of(read=ShardedStream(ShuffleBuffer(undivided()._stream, 11))).load_state_dict(state)
    with raises(StateError, "other-stream", "was 16 and is 20"):
        loader_of().load_state_dict({**state, "global_batch": 16})
    with raises(StateError, "not-a-state", "'stream'"):
        sampled = StreamLoader(range(1096), lambda shard: make("mixed", shard), batch_size=BATCH, accumulation=PER_STEP)
        loader_of().load_state_dict(sampled.state_dict())


@pytest.mark.parametrize(
    ("read", "options", "code", "part"),
    [
        ({"shard": Shard(0, 2)}, {}, "divided-stream", "`shard` of the ShardedStream must be Shard(rank=0"),
        ({"by": "parts"}, {}, "divided-stream", "StatefulDataLoader"),
        ({"batch_size": 4}, {}, "divided-stream", "`batch_size` of the ShardedStream must be 1 here, found 4"),
        ({"drop_last": True}, {}, "divided-stream", "`drop_last` of the ShardedStream must be False here"),
        ({}, {"batch_size": None}, "no-batch-size", "`batch_size`"),
        ({}, {"in_order": False}, "out-of-order", "`in_order` must be True"),
        ({}, {"make_sampler": lambda shard: make("mixed", shard)}, "not-indexable", "`make_sampler` must be None"),
    ],
)
def test_what_would_lose_examples_is_refused(read, options, code, part):
    with raises(ConfigError, code, part):
        StreamLoader(stream(**read), **{"batch_size": 4} | options)


def test_a_stream_that_is_not_wrapped_is_refused_as_are_epochs_of_the_loop():
    with raises(ConfigError, "no-sampler", "with a ShuffleBuffer as `dataset`", "passed as a ShardedStream"):
        StreamLoader(undivided(), batch_size=4)
    with raises(ConfigError, "no-epochs", "set_epoch(1)"):
        loader_of().set_epoch(1)


def test_a_stream_without_examples_is_an_error_and_not_an_endless_loop():
    nothing = RepeatStream(range(9), RepeatFactors.of({("a", None): 1}), lambda _: ("b", None), unknown="skip")
    with raises(DataError, "no-examples", "no example in 100 epochs"):
        next(iter(StreamLoader(ShardedStream(nothing), batch_size=2)))


def test_epochs_without_an_example_are_passed_over():
    thirds = RepeatStream(range(6), RepeatFactors.of({("all", None): 1 / 3}), lambda example: ("all", None))
    assert [len(list(thirds)) for _ in range(3)] == [2, 0, 4]
    loader = StreamLoader(ShardedStream(thirds), batch_size=6)
    assert all(sorted(batch.tolist()) == list(range(6)) for batch in islice(loader, 150))


def accelerated(folder=None, workers=0, **configuration):
    accelerator = new_accelerator(PER_STEP, **configuration)
    model = torch.nn.Linear(1, 1)
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 1e-6))
    options = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
    loader = prepare_loader(accelerator, stream(), batch_size=BATCH, **options)
    if folder is not None:
        accelerator.load_state(folder)
    return accelerator, model, optimizer, loader


def train(accelerator, model, optimizer, loader, last):
    rows, steps = [], []
    for batch in loader:
        rows += batch.tolist()
        with accelerator.accumulate(model):
            accelerator.backward(model(batch[:, None].float()).mean())
            optimizer.step()
            optimizer.zero_grad()
        if accelerator.sync_gradients:
            steps.append(sorted(rows))
            rows = []
            if loader.step == last:
                break
    return steps


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("configuration", [{}, {"dispatch_batches": True}, {"use_stateful_dataloader": True}], ids=str)
def test_accelerate_saves_and_resumes_it(tmp_path, workers, configuration):
    run = accelerated(workers=workers, **configuration)
    before = train(*run, 6)
    run[0].save_state(str(tmp_path))
    assert before + train(*accelerated(str(tmp_path), **configuration), LAST) == steps_read(LAST)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("options", [{}, {"limit_train_batches": 3 * PER_STEP}], ids=str)
@pytest.mark.parametrize("at", [3, 5])
def test_lightning_saves_and_resumes_it(tmp_path, workers, options, at):
    options = {"max_epochs": -1, "max_steps": LAST, "read": stream, **options}
    before = lightning_fit("mixed", workers=workers, save=("batch", at, tmp_path / "saved.ckpt"), **options)
    after = lightning_fit("mixed", resume=tmp_path / "saved.ckpt", **options)
    assert steps_of(before) == steps_read(at)
    assert steps_of(after) == steps_read(LAST, at)


@pytest.mark.slow
def test_lightning_needs_an_end_and_whole_steps():
    with raises(ConfigError, "no-end", "`max_steps` of the Trainer must be set"):
        lightning_fit("mixed", read=stream)
    with raises(ConfigError, "cut-epoch", f"multiple of `accumulate_grad_batches` ({PER_STEP}), found 6"):
        lightning_fit("mixed", read=stream, limit_train_batches=6)
    assert len(lightning_fit("mixed", read=stream, fast_dev_run=True)) == 1


def test_numbers_are_those_of_the_examples():
    assert [number_of(example) for example in undivided()] == list(stream())


def test_workers_end_with_the_last_reference_to_the_loader():
    """Not with a garbage collection, which closes their queues first, so that each is waited for 5 seconds."""
    others = set(multiprocessing.active_children())
    loader = loader_of(num_workers=2)
    steps_taken(loader, 1)
    workers = set(multiprocessing.active_children()) - others
    assert len(workers) == 2
    gc.disable()
    try:
        del loader
        for worker in workers:
            worker.join(2)
        assert not any(worker.is_alive() for worker in workers)
    finally:
        gc.enable()
