"""Another plan that is decided while a Trainer trains: in every checkpoint, and nothing before it changes."""

from itertools import chain, islice

import pytest
from hf_jobs import BEGIN, DECIDED, SEED, Decide, build, plan_and_index, rows_by_step, rows_of_steps
from tests.support.errors import raises
from transformers import TrainerCallback

from equipoise import PlanSampler, Quota
from equipoise.errors import ConfigError
from equipoise.loaders import replan

pytestmark = pytest.mark.slow
STEPS = 14  # an epoch is ten steps
JOB = {
    "epochs": 99,
    "options": {"save_strategy": "steps", "save_steps": 1, "save_total_limit": STEPS, "max_steps": STEPS},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run with a checkpoint after each step."""
    folder = tmp_path_factory.mktemp("whole")
    build(folder, decide=True, **JOB).train()
    return folder


def resumed(folder, checkpoint, **options):
    """The sampler, and the rows of each step from the checkpoint on."""
    trainer = build(folder, decide=True, **JOB, **options)
    for each in options.get("callbacks", ()):
        each.sampler = trainer.stream.sampler
    trainer.train(str(checkpoint))
    return trainer.stream.sampler, [*rows_by_step(folder).values()]


@pytest.mark.parametrize("step", [4, DECIDED, BEGIN, 12])
def test_a_checkpoint_before_at_and_after_a_decision_is_resumed(whole, tmp_path, step):
    """That of step 4 does not hold it, so the callback decides again; of the others it is not asked."""
    assert [*rows_by_step(whole).values()] == rows_of_steps(range(STEPS), decide=True)
    sampler, rows = resumed(tmp_path, whole / f"checkpoint-{step}")
    assert rows == rows_of_steps(range(step, STEPS), decide=True)
    assert [stage.at for stage in sampler.plan.stages] == [0, BEGIN * 8]


def test_without_its_callback_a_decision_after_the_checkpoint_is_not_made(whole, tmp_path):
    """As when a process was killed before the next checkpoint: what is drawn is a function of the state."""
    trainer = build(tmp_path, decide=True, **JOB)
    trainer.remove_callback(Decide)
    trainer.train(str(whole / "checkpoint-4"))
    plan, index = plan_and_index()
    declared = PlanSampler(plan, index, SEED, 80, batches=Quota(8))
    assert [*chain(*rows_by_step(tmp_path).values())] == declared.rows(4 * 8, STEPS * 8).tolist()


class AtOnce(TrainerCallback):
    """Decide before the first step, when the sampler has yielded nothing yet."""

    sampler = None

    def on_train_begin(self, *_, **__):
        with raises(ConfigError, "position-out-of-range", "from 1"):
            replan(self.sampler, plan_and_index()[0], at=96)
        replan(self.sampler, plan_and_index()[0])


@pytest.mark.parametrize(("length_sorted", "begin"), [(False, 104), (True, 112)])
def test_a_plan_that_is_decided_when_a_run_is_resumed_begins_behind_the_checkpoint(tmp_path, length_sorted, begin):
    """Of the epoch from draw 80, the batches before the checkpoint are yielded again, and skipped."""
    build(tmp_path, decide=True, length_sorted=length_sorted, **JOB).train()
    checkpoint = tmp_path / "checkpoint-13"
    sampler, rows = resumed(tmp_path / "resumed", checkpoint, length_sorted=length_sorted, callbacks=[AtOnce()])
    assert [stage.at for stage in sampler.plan.stages] == [0, BEGIN * 8, begin]
    inner = getattr(sampler, "sampler", sampler)
    inner.start_at(104)
    assert rows == [list(islice(sampler, 8))]


def test_another_training_begins_without_what_was_decided_in_the_one_before(tmp_path):
    trainer = build(tmp_path, decide=True, **JOB)
    for name in ("first", "second"):
        trainer.args.output_dir = str(tmp_path / name)
        trainer.train()
        trainer.remove_callback(Decide)
    plan, index = plan_and_index()
    declared = PlanSampler(plan, index, SEED, 80, batches=Quota(8))
    assert [*chain(*rows_by_step(tmp_path).values())] == declared.rows(0, STEPS * 8).tolist()
