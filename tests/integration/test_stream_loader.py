"""The loader for hand-written loops, alone and under accelerate: every sampler, any number of ranks, any position."""

import json
import re
from itertools import chain, islice
from types import SimpleNamespace

import pytest
import torch
from tests.support.errors import raises
from tests.support.loaders import (
    BATCH,
    EPOCHS,
    KINDS,
    PER_STEP,
    ROWS,
    STEP,
    TOKENS,
    alone,
    make,
    new_accelerator,
    steps_alone,
)

from equipoise import Shard
from equipoise.errors import ConfigError, RunError, StateError
from equipoise.loaders import StreamLoader, prepare_loader
from equipoise.loaders.accelerate import FILE_NAME

SAMPLERS = [kind for kind in KINDS if kind != "batch_sampler"]
STATES = ("mixed", "sorted", "tokens")
each_kind = pytest.mark.parametrize("kind", SAMPLERS)
each_state = pytest.mark.parametrize("kind", STATES)


def options_of(kind, workers=0):
    return {"batch_size": None if kind in TOKENS else BATCH, "num_workers": workers}


def loader_of(kind, shard=Shard(), workers=0):  # noqa: B008 - frozen
    accumulation = PER_STEP // shard.world_size
    return StreamLoader(
        range(ROWS), lambda own: make(kind, own), accumulation=accumulation, shard=shard, **options_of(kind, workers)
    )


def steps_from(loader):
    """Rows of each step of this rank to the end of the third epoch."""
    steps = (batches for _ in range(loader.epoch, len(EPOCHS)) for batches in loader.steps())
    return (torch.cat(batches).tolist() for batches in steps)


def of_epoch(kind):
    return [len(epoch) // PER_STEP for epoch in alone(kind)]


@each_kind
def test_it_gives_the_batches_of_the_sampler_and_counts_steps(kind):
    loader = loader_of(kind)
    found = []
    for epoch in EPOCHS:
        assert loader.epoch == epoch
        found.append([batch.tolist() for batch in loader])
        assert loader.step == sum(of_epoch(kind)[: epoch + 1])
    assert found == alone(kind)
    if kind not in TOKENS:
        assert len(loader) == len(found[0])


@each_state
@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_is_where_training_is_though_workers_have_read_on(kind, workers):
    """In epochs 0, 1 and 2, and at the end of an epoch."""
    first, second, _ = of_epoch(kind)
    for done in (2, first, first + 3, first + second + 1):
        loader = loader_of(kind, workers=workers)
        before = list(islice(steps_from(loader), done))
        state = json.loads(json.dumps(loader.state_dict()))
        resumed = loader_of(kind, workers=0)
        resumed.load_state_dict(state)
        assert resumed.step == loader.step == done
        after = list(steps_from(resumed))
        assert [sorted(step) for step in before + after] == steps_alone(kind)


@each_kind
def test_ranks_may_change_from_one_to_two_to_four_to_one(kind):
    state, seen, ends = None, [], [3, 14, 17, None]
    for ranks, end in zip((1, 2, 4, 1), ends, strict=True):
        parts, states = [], []
        for rank in range(ranks):
            loader = loader_of(kind, Shard(rank, ranks))
            if state:
                loader.load_state_dict(state)
            parts.append(list(islice(steps_from(loader), None if end is None else end - loader.step)))
            states.append(loader.state_dict())
        assert all(each == states[0] for each in states)
        state = states[0]
        seen += [sorted(chain(*step)) for step in zip(*parts, strict=True)]
    assert seen == steps_alone(kind)


@each_state
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loop_that_breaks_off_goes_on_behind_its_last_batch(kind, workers):
    loader = loader_of(kind, workers=workers)
    before = list(islice(loader.steps(), 3))
    assert loader.step == 3
    batches = [batch.tolist() for batch in chain(*before, loader)]
    assert batches == alone(kind)[0]
    loader.set_epoch(2)
    assert [batch.tolist() for batch in loader] == alone(kind)[2]


@each_state
def test_naming_the_epoch_that_training_is_in_changes_nothing(kind):
    loader = loader_of(kind)
    before = [torch.cat(batches).tolist() for batches in islice(loader.steps(), 3)]
    loader.set_epoch(loader.epoch)
    assert loader.step == 3
    assert [sorted(step) for step in (*before, *steps_from(loader))] == steps_alone(kind)


def test_reading_leaves_the_random_numbers_of_the_model_alone():
    expected = torch.random.get_rng_state()
    list(loader_of("mixed"))
    assert torch.equal(torch.random.get_rng_state(), expected)


def test_a_state_inside_a_step_is_refused():
    loader = loader_of("mixed")
    batches = iter(loader)
    next(batches)
    with raises(RunError, "inside-step") as caught:
        loader.state_dict()
    assert "found 1 of its 4 micro-batches done" in str(caught.value)
    list(islice(batches, PER_STEP - 1))
    assert loader.state_dict()["sampler"]["position"] == STEP


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"global_batch": 40}, "other-stream", "draws per optimiser step .* was 40 and is 20"),
        ({"step": -1}, "damaged-state", "`step` in the state must be an integer from 0"),
        ({"step": "3"}, "damaged-state", "`step` in the state must be an integer from 0"),
        ({"sampler": 3}, "damaged-state", "`sampler` in the state must be a mapping"),
        ({"more": 3}, "not-a-state", "not one of StreamLoader"),
    ],
)
def test_states_of_something_else_are_refused(change, code, message):
    loader = loader_of("mixed")
    with raises(StateError, code) as caught:
        loader.load_state_dict(loader.state_dict() | change)
    assert re.search(message, str(caught.value))


@pytest.mark.parametrize(
    ("kind", "options", "code", "message"),
    [
        ("mixed", {"batch_size": 7}, "partial-steps", r"steps of 7 draws .* found 200 .* draws_per_epoch=203"),
        ("mixed", {}, "no-batch-size", "`batch_size`"),
        (
            "mixed",
            {"batch_size": 5, "accumulation": 0},
            "no-accumulation",
            "`accumulation` must be at least 1",
        ),
        (
            "mixed",
            {"batch_size": 5, "shard": Shard(0, 2)},
            "other-shard",
            r"shard that is passed .* found Shard",
        ),
        ("quota", {"batch_size": 5}, "other-batch", "`global_batch` of the sampler must be that of the run, 5 draws"),
        ("sorted", {"batch_size": 5}, "other-batch", "`global_batch` of the sampler must be that of the run, 5 draws"),
        ("tokens", {"batch_size": 5, "accumulation": 4}, "two-batch-sizes", "`batch_size` must not be set .* found 5"),
        ("tokens", {}, "other-batch", "`batches_per_step` of the sampler must be accumulation x ranks, 1, found 4"),
    ],
)
def test_what_does_not_fit_is_refused(kind, options, code, message):
    with raises(ConfigError, code) as caught:
        StreamLoader(range(ROWS), lambda _: make(kind), **options)
    assert re.search(message, str(caught.value))


@pytest.mark.parametrize("kind", ["mixed", "tokens"])
def test_another_dataset_is_refused(kind):
    with raises(ConfigError, "other-dataset") as caught:
        StreamLoader(range(9), lambda _: make(kind), accumulation=PER_STEP, **options_of(kind))
    assert "index of 1096 rows and 9 examples" in str(caught.value)


def accelerated(kind, accumulation=PER_STEP, workers=0, **configuration):
    accelerator = new_accelerator(accumulation, **configuration)
    options = options_of(kind, workers)
    if kind not in TOKENS:
        options["batch_size"] = STEP // accumulation
    model = torch.nn.Linear(1, 1)
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 1e-6))
    loader = prepare_loader(accelerator, range(ROWS), lambda shard: make(kind, shard), **options)
    return SimpleNamespace(accelerator=accelerator, model=model, optimizer=optimizer, loader=loader)


def train(run, until=None):
    """Rows of every optimiser step, as `accumulate` tells them apart, up to the step `until`."""
    rows, steps = [], []
    for _ in range(run.loader.epoch, len(EPOCHS)):
        for batch in run.loader:
            rows += batch.tolist()
            with run.accelerator.accumulate(run.model):
                run.accelerator.backward(run.model(batch[:, None].float()).mean())
                run.optimizer.step()
                run.optimizer.zero_grad()
            if run.accelerator.sync_gradients:
                steps.append(sorted(rows))
                rows = []
                if run.loader.step == until:
                    return steps
    assert not rows
    return steps


@each_state
@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_accelerate_saves_and_loads_it_with_the_rest(tmp_path, kind, stateful, workers):
    first, second, _ = of_epoch(kind)
    for done in (2, first, first + 3, first + second + 1):
        run = accelerated(kind, workers=workers, use_stateful_dataloader=stateful)
        before = train(run, until=done)
        folder = str(tmp_path / str(done))
        run.accelerator.save_state(folder)
        again = accelerated(kind, workers=0, use_stateful_dataloader=stateful)
        again.accelerator.load_state(folder)
        assert again.loader.step == done
        assert before + train(again) == steps_alone(kind)
    assert not list((tmp_path / "2").glob("custom_checkpoint*")), "accelerate would read it with pickle"
    assert json.loads((tmp_path / "2" / FILE_NAME).read_text())["step"] == 2


def test_another_accumulation_stays_in_step(tmp_path):
    """accelerate saves how many batches it has counted: three, which is inside a step of two."""
    run = accelerated("mixed", accumulation=1)
    train(run, until=3)
    run.accelerator.save_state(str(tmp_path))
    again = accelerated("mixed", accumulation=2)
    again.accelerator.load_state(str(tmp_path))
    assert train(again) == steps_alone("mixed", 3)


@pytest.mark.parametrize(
    ("text", "code"), [(None, "no-position"), ("[1]", "damaged-file"), ("{", "damaged-file"), ("{}", "damaged-file")]
)
def test_a_damaged_checkpoint_is_refused(tmp_path, text, code):
    run = accelerated("mixed")
    run.accelerator.save_state(str(tmp_path))
    (tmp_path / FILE_NAME).unlink()
    if text:
        (tmp_path / FILE_NAME).write_text(text)
    with raises(StateError, code):
        run.accelerator.load_state(str(tmp_path))


def test_ranks_that_share_their_data_are_refused():
    layout = SimpleNamespace(non_data_parallel_size=2)
    with raises(ConfigError, "shared-batches") as caught:
        prepare_loader(SimpleNamespace(parallelism_config=layout), range(9), make, batch_size=3)
    assert "found 2 ranks to a batch" in str(caught.value)
