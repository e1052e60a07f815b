"""The samplers in the loaders of torch, accelerate and Lightning, in one process: what docs/loaders.md says."""

import re
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate import skip_first_batches
from lightning import Callback, LightningModule
from tests.support import loaders
from tests.support.errors import raises
from tests.support.loaders import (
    BATCH,
    EPOCHS,
    KINDS,
    ONE_TASK,
    PER_STEP,
    ROWS,
    TOKENS,
    alone,
    batches_of,
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
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader
from torchdata.stateful_dataloader import sampler as torchdata

from equipoise import PlanSampler, draws
from equipoise.errors import ConfigError, RunWarning
from equipoise.loaders import StreamCallback, StreamDataModule

pytestmark = [
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),  # torchdata 0.11 calls it
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec:FutureWarning"),  # Lightning 2.6 calls it
    # Lightning looks only for a loader with state; here the sampler has it.
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before"),
]
each_kind = pytest.mark.parametrize("kind", KINDS)
STATES = ("mixed", "sorted", "tokens")  # one for each class that has a state


def check(kind, seen):
    """A run over all epochs saw what the sampler gives, in whole steps."""
    assert batches_of(seen) == alone(kind)
    steps = steps_of(seen)
    assert steps == steps_alone(kind)
    assert kind not in ONE_TASK or all(len(tasks_of(rows)) == 1 for rows in steps)


@each_kind
@pytest.mark.parametrize("named", [True, False], ids=["set_epoch", "no_set_epoch"])
def test_plain_loader(kind, named):
    sampler = make(kind)
    loader, epochs = load(kind, sampler, 2 if named and kind in STATES else 0), []
    for epoch in EPOCHS:
        if named:
            sampler.set_epoch(epoch)
        epochs.append([batch.tolist() for batch in loader])
    assert epochs == alone(kind)


def test_a_loader_that_has_read_to_the_end_says_how_many_batches_were_trained():
    sampler = make("tokens")
    sampler.set_epoch(1)
    loader, trained = load("tokens", sampler, workers=2), len(alone("tokens")[1]) - 1
    assert [batch.tolist() for batch in islice(loader, trained)] == alone("tokens")[1][:-1]
    resumed = make("tokens")
    resumed.load_state_dict(sampler.state_dict(batches=trained))
    assert list(resumed) == alone("tokens")[1][-1:]


@each_kind
def test_accelerate(kind):
    check(kind, train(*prepare(kind, make(kind))))


@pytest.mark.parametrize("kind", ["one_task", "tokens"])
@pytest.mark.parametrize(
    ("configuration", "workers"),
    [
        ({"even_batches": False}, 2),
        ({"use_seedable_sampler": True}, 0),
        ({"use_stateful_dataloader": True}, 0),
        ({"use_stateful_dataloader": True}, 2),
        ({"dispatch_batches": False}, 0),
    ],
)
def test_accelerate_as_it_may_be_configured(kind, configuration, workers):
    check(kind, train(*prepare(kind, make(kind), workers=workers, **configuration)))


def test_accelerate_cannot_split_batches_of_a_token_budget():
    with pytest.raises(ValueError, match="`batch_size` attribute"):
        prepare("tokens", make("tokens"), split_batches=True)


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize("workers", [0, 2])
def test_accelerate_resumes_in_a_later_epoch(kind, workers):
    sampler = make(kind)
    run = prepare(kind, sampler, workers=workers)
    before = train(*run, stop=len(alone(kind)[0]) + 6)
    done = 6 if kind in TOKENS else len(before)
    state = sampler.state_dict(batches=done) if kind in TOKENS else sampler.state_dict(position=done * BATCH)
    resumed = make(kind)
    run = prepare(kind, resumed, workers=workers)
    resumed.load_state_dict(state)
    run[-1].set_epoch(1)
    after = train(*run, epochs=EPOCHS[1:])
    assert batches_of(before)[1] + batches_of(after)[0] == alone(kind)[1]
    assert batches_of(after)[1] == alone(kind)[2]


@pytest.mark.parametrize("kind", STATES)
def test_accelerate_reads_ahead_and_names_epochs_from_0(kind):
    sampler = make(kind)
    run = prepare(kind, sampler)
    train(*run, stop=6)
    rows = sum(map(len, alone(kind)[0][:6]))
    assert sampler.position > rows, "without workers too"
    resumed = make(kind)
    run = prepare(kind, resumed)
    resumed.load_state_dict(state_after(kind, len(alone(kind)[0]) // PER_STEP + 1))
    with pytest.warns(RunWarning, match=r"`set_epoch\(0\)` goes back"):
        again = train(*run, epochs=[0])
    assert batches_of(again)[0] == alone(kind)[0], "the loader was not told the epoch"


@pytest.mark.parametrize("kind", STATES)
def test_accelerate_skips_batches(kind):
    sampler = make(kind)
    *run, loader = prepare(kind, sampler)
    sampler.set_epoch(1)
    loader.set_epoch(1)
    after = train(*run, skip_first_batches(loader, 6), epochs=[1])
    assert batches_of(after) == [alone(kind)[1][6:]]


@pytest.mark.parametrize("kind", STATES)
def test_accelerate_resumes_its_stateful_loader(kind):
    run = prepare(kind, make(kind), use_stateful_dataloader=True)
    train(*run, stop=len(alone(kind)[0]) + 6)
    state = run[-1].state_dict()
    run = prepare(kind, make(kind), use_stateful_dataloader=True)
    run[-1].load_state_dict(state)
    run[-1].set_epoch(1)
    after = train(*run, epochs=EPOCHS[1:])
    assert batches_of(after) == [alone(kind)[1][6:], alone(kind)[2]]


def stateful(sampler, batches=None):
    if batches is None:
        return StatefulDataLoader(range(ROWS), batch_size=BATCH, sampler=sampler)
    return StatefulDataLoader(range(ROWS), batch_sampler=batches(sampler, BATCH, drop_last=True))


def resumed_by_torchdata(epoch, batches):
    """What is read of an epoch by a loader that resumes after 6 of its batches."""
    loader = stateful(make("mixed"), batches)
    for _ in range(epoch):
        list(loader)
    reading = iter(loader)
    list(islice(reading, 6))
    state = loader.state_dict()
    loader = stateful(make("mixed"), batches)
    loader.load_state_dict(state)
    return [batch.tolist() for batch in loader]


@pytest.mark.parametrize("epoch", EPOCHS)
def test_torchdata_resumes_with_its_own_batch_sampler_and_not_with_that_of_torch(epoch):
    for batches in (None, torchdata.BatchSampler):
        assert resumed_by_torchdata(epoch, batches) == alone("mixed")[epoch][6:]
    of_torch = resumed_by_torchdata(epoch, torch.utils.data.BatchSampler)
    assert (of_torch == alone("mixed")[epoch][6:]) == (epoch == 0)


@each_kind
def test_lightning(kind):
    check(kind, lightning_fit(kind))


@pytest.mark.parametrize("kind", ["one_task", "tokens"])
def test_lightning_with_workers(kind):
    check(kind, lightning_fit(kind, workers=2))


def test_lightning_counts_the_batches_of_an_epoch_once_unless_told():
    found = batches_of(lightning_fit("tokens", given=make("tokens"), reload_dataloaders_every_n_epochs=0))
    expected = alone("tokens")
    assert len(expected[2]) > len(expected[0])
    assert [len(epoch) for epoch in found] == [len(expected[0])] * 3, "draws are left out"


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("hook", ["batch", "epoch"])
def test_lightning_resumes(tmp_path, kind, workers, hook):
    """From inside epoch 1, or from its end."""
    of_epochs = [len(epoch) // PER_STEP for epoch in alone(kind)]
    at = of_epochs[0] + (3 if hook == "batch" else of_epochs[1])
    lightning_fit(kind, workers=workers, save=(hook, at, tmp_path / "saved.ckpt"))
    after = lightning_fit(kind, workers=workers, resume=tmp_path / "saved.ckpt")
    assert steps_of(after) == steps_alone(kind, at)


@pytest.mark.parametrize("workers", [0, 2])
def test_lightning_alone_does_not_know_the_place(tmp_path, workers):
    lightning_fit("mixed", workers=workers, keep=False, save=("batch", 13, tmp_path / "saved.ckpt"))
    after = lightning_fit("mixed", workers=workers, keep=False, resume=tmp_path / "saved.ckpt")
    # Without workers it starts the epoch again; workers read ahead before it names the epoch.
    assert batches_of(after)[0][:10] == alone("mixed")[0 if workers else 1][:10]


def test_lightning_takes_an_epochs_last_batch_for_one_inside_it(tmp_path):
    at = sum(len(epoch) // PER_STEP for epoch in alone("tokens")[:2])
    lightning_fit("tokens", save=("batch", at, tmp_path / "saved.ckpt"))
    after = lightning_fit("tokens", resume=tmp_path / "saved.ckpt")
    assert steps_of(after) != steps_alone("tokens", at)


OF_EPOCH = loaders.EPOCH // BATCH  # batches


@pytest.mark.parametrize("kind", ["mixed", "one_task", "sorted"])
@pytest.mark.parametrize(
    "options",
    [
        {"limit_train_batches": 20},
        {"limit_train_batches": 0.5},
        {"limit_train_batches": 16},  # not a divisor of an epoch
        {"limit_train_batches": 12, "val_check_interval": 4},
        {"limit_train_batches": OF_EPOCH + 1},
    ],
    ids=str,
)
def test_lightning_resumes_the_epochs_that_it_cuts_short(kind, options):
    seen = lightning_fit(kind, max_epochs=-1, max_steps=25, **options)
    assert steps_of(seen) == steps_alone(kind)[:25]


@pytest.mark.parametrize("at", [5, 12], ids=["at the end of its epoch", "inside it"])
def test_lightning_resumes_a_checkpoint_of_an_epoch_that_it_cut_short(tmp_path, at):
    cut = {"max_epochs": -1, "max_steps": 25, "limit_train_batches": 20}
    before = lightning_fit("mixed", save=("batch", at, tmp_path / "saved.ckpt"), **cut)
    after = lightning_fit("mixed", resume=tmp_path / "saved.ckpt", **cut)
    assert steps_of(before) == steps_alone("mixed")[:at]
    assert steps_of(after) == steps_alone("mixed", at)[: 25 - at]


def test_lightning_trains_to_a_step_inside_an_epoch_and_resumes_there(tmp_path):
    before = lightning_fit("mixed", max_steps=13, save=("batch", 13, tmp_path / "saved.ckpt"))
    after = lightning_fit("mixed", resume=tmp_path / "saved.ckpt")
    assert steps_of(before) + steps_of(after) == steps_alone("mixed")


class BreaksOff(Callback):
    """Lets the module end every epoch after some batches, as it may."""

    def __init__(self, batches):
        self.batches = batches

    def on_fit_start(self, trainer, module):
        module.on_train_batch_start = lambda batch, number: -1 if number == self.batches else None


def test_lightning_resumes_an_epoch_that_the_module_breaks_off():
    seen = lightning_fit("mixed", max_epochs=-1, max_steps=25, more=[BreaksOff(8)])
    assert steps_of(seen) == steps_alone("mixed")[:25]
    with raises(ConfigError, "cut-epoch", "broken off after 1 of the 4 micro-batches"):
        lightning_fit("mixed", more=[BreaksOff(9)])


@pytest.mark.parametrize(
    ("kind", "limit"), [("mixed", 3), ("mixed", 0.15), ("quota", 9), ("tokens", 4), ("tokens", 0.5)]
)
def test_lightning_is_refused_a_limit_that_cuts_an_optimiser_step(kind, limit):
    with raises(ConfigError, "cut-epoch", f"found {limit!r}"):
        lightning_fit(kind, limit_train_batches=limit)


@pytest.mark.parametrize("kind", ["mixed", "tokens"])
def test_lightning_makes_a_trial_of_one_batch(kind):
    assert len(lightning_fit(kind, fast_dev_run=True)) == 1


def lightning_trainer(**changed):
    usual = {"callbacks": [StreamCallback()], "checkpoint_callbacks": [], "accumulate_grad_batches": PER_STEP}
    return SimpleNamespace(**usual | {"global_rank": 0, "world_size": 1, "global_step": 0} | changed)


def test_lightning_is_refused_what_would_break_the_stream():
    with raises(ConfigError, "not-reloaded"):
        lightning_fit("tokens", reload_dataloaders_every_n_epochs=0)
    data = StreamDataModule(range(ROWS), lambda shard: make("mixed", shard), batch_size=BATCH)
    data.trainer = lightning_trainer(callbacks=[])
    with raises(ConfigError, "no-callback"):
        data.setup("fit")
    data.setup("test")
    data.trainer = lightning_trainer()
    data.setup("fit")
    again = DataLoader(range(ROWS), BATCH, sampler=make("mixed"))
    trainer = lightning_trainer(datamodule=data, train_dataloader=again, reload_dataloaders_every_n_epochs=0)
    with raises(ConfigError, "distributed-sampler"):
        StreamCallback().on_train_start(trainer, None)
    with raises(ConfigError, "no-stream") as caught:
        StreamCallback().on_train_batch_end(lightning_trainer(datamodule=None), None, None, None, 0)
    assert "must be a StreamDataModule with StreamCallback, found NoneType" in str(caught.value)


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_the_lightning_page(tmp_path):
    """The code of the page trains, and resumes."""
    page = (Path(__file__).parents[2] / "docs" / "loaders.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(from lightning.*?)^```$", page, re.MULTILINE | re.DOTALL)
    plan, index = loaders.imbalanced()

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.layer, self.rows = torch.nn.Linear(1, 1), []

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 1e-6)

        def training_step(self, batch, number):
            self.rows += batch.tolist()
            return self.layer(batch[:, None].float()).mean()

    def fit(folder, epochs, checkpoint=None):
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        names = {
            "plan": plan, "index": index, "dataset": range(loaders.ROWS), "module": Module(), "checkpoint": checkpoint,
            "PlanSampler": PlanSampler, "BATCH": 8, "ACCUMULATION": 2, "GLOBAL_BATCH": 16,
            "options": {"max_epochs": epochs, "accelerator": "cpu", "default_root_dir": tmp_path / folder, **quiet},
        }  # fmt: skip
        exec(code.replace("max_epochs=3", "**options"), names)
        return names["trainer"], names["module"].rows

    _, whole = fit("whole", 3)
    assert whole == draws(plan, index, 0, 0, 3 * 96).tolist()
    trainer, before = fit("parts", 2)
    _, after = fit("parts", 3, trainer.checkpoint_callback.best_model_path)
    assert before + after == whole
