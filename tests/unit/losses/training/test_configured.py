"""Losses named in a configuration: what is made, what is refused, and that a new one is one file."""

import gc
import sys

import pytest
import torch
from tests.support.errors import raises
from tests.support.label_losses import LOSSES, priors_of
from tests.support.seq2seq import TOKENIZER, t5

import equipoise.losses.labels
import equipoise.losses.tasks
import equipoise.losses.tokens
from equipoise import Census, Plan, Task
from equipoise.base.registry import registered
from equipoise.config import LossConfig, parse_loss
from equipoise.errors import ConfigError, PlanError
from equipoise.losses import TokenLoss
from equipoise.losses.labels import LDAM, BalancedSoftmax, CrossEntropy, Focal, LabelLoss, LogitAdjusted, Weighted
from equipoise.losses.tasks import TaskWeighting, task_weighting
from equipoise.losses.training import ConfiguredLoss, LabelTrainingLoss, NamedTokenLoss, TokenTrainingLoss
from equipoise.weights import Balanced

TASKS = {"mood": Task("mood", "classification", ("glad", "sad"))}
PLAN = Plan.build(Census.from_counts({"mood": {"glad": 3, "sad": 1}}), rates="proportional", weights="natural")


def test_every_registered_label_loss_is_tested():
    assert {loss.name for loss in LOSSES} == set(registered(LabelLoss))


@pytest.mark.parametrize(
    ("chosen", "level", "label_loss"),
    [
        ("cross_entropy", "sequence", CrossEntropy()),
        ({"name": "cross_entropy", "level": "label"}, "label", CrossEntropy()),
        ({"name": "focal", "level": "token", "gamma": 1}, "token", Focal(gamma=1)),
        ({"name": "focal", "level": "label", "gamma": 1}, "label", Focal(gamma=1)),
        ("balanced_softmax", "label", BalancedSoftmax()),
        ("logit_adjusted", "label", LogitAdjusted()),
        (
            {"name": "logit_adjusted", "level": "sequence", "tau": 0.5, "aim": "target"},
            "sequence",
            LogitAdjusted(0.5, "target"),
        ),
        ({"name": "ldam", "level": None, "scale": 2, "length_norm": 1}, "label", LDAM(scale=2)),
        (
            {"name": "weighted", "weights": Balanced().to_dict(), "on_top": True},
            "label",
            Weighted(Balanced(), on_top=True),
        ),
    ],
)
def test_names_levels_and_options(chosen, level, label_loss):
    made = ConfiguredLoss.of(chosen)
    assert (made.level, made.label_loss) == (level, label_loss)
    assert isinstance(made.loss, LabelLoss) == (level == "label")
    assert made.length_norm == (1 if "length_norm" in chosen else 0)


@pytest.mark.parametrize("name", sorted(registered(NamedTokenLoss)))
@pytest.mark.parametrize("level", ["sequence", "token"])
def test_token_losses_are_built_for_their_level(name, level):
    built = ConfiguredLoss.of({"name": name, "level": level}).build(PLAN, TASKS, t5(), TOKENIZER)
    assert isinstance(built, TokenTrainingLoss)
    assert built.loss == TokenLoss(level, gamma=2.0 if name == "focal" else 0.0)
    assert bool(built.adjustments) == (name == "logit_adjusted")


def test_label_losses_are_built_with_their_length_norm():
    built = ConfiguredLoss.of({"name": "ldam", "length_norm": 0.5}).build(PLAN, TASKS, t5(), TOKENIZER)
    assert isinstance(built, LabelTrainingLoss)
    assert built.length_norm == 0.5


@pytest.mark.parametrize(
    ("chosen", "error", "code", "said"),
    [
        ("balanced_sofmax", PlanError, "unknown-name", "Did you mean 'balanced_softmax'?"),
        ({"name": 3}, PlanError, "unknown-name", "3"),
        ({"gamma": 2}, PlanError, "not-a-scheme", "gamma"),
        ({"name": "focal", "level": "tokens"}, ConfigError, "unknown-level", "Did you mean 'token'?"),
        ({"name": "ldam", "level": "token"}, ConfigError, "wrong-level", "ldam is a loss of label scores"),
        (
            {"name": "nothing", "level": "token"},
            ConfigError,
            "unknown-name",
            "Known: cross_entropy, focal,",
        ),
        ({"name": "focal", "level": "label", "label_smoothing": 0.1}, PlanError, "unknown-option", "'label_smoothing'"),
        ({"name": "focal", "gama": 1}, ConfigError, "unknown-option", "Did you mean 'gamma'?"),
        ({"name": "cross_entropy", "length_norm": 1}, ConfigError, "unknown-option", "'length_norm'"),
        ({"name": "focal", "level": "token", "gamma": -1}, ConfigError, "out-of-range", "`gamma` must be at least 0"),
        ({"name": "focal", "gamma": "high"}, ConfigError, "bad-option", "'high'"),
        ({"name": "cross_entropy", "label_smoothing": 1}, ConfigError, "out-of-range", "`label_smoothing`"),
        (
            {"name": "balanced_softmax", "length_norm": 2},
            ConfigError,
            "out-of-range",
            "must be in [0, 1], found 2",
        ),
        ({"name": "balanced_softmax", "length_norm": "1"}, ConfigError, "out-of-range", "found '1'"),
        ("weighted", PlanError, "missing-option", "'weights'"),
    ],
)
def test_refusals(chosen, error, code, said):
    with raises(error, code) as caught:
        ConfiguredLoss.of(chosen)
    assert said in str(caught.value)


def test_values_of_label_losses_are_checked_at_once():
    for named, chosen in (
        ("`scale`", {"name": "ldam", "scale": 0}),
        ("`tau`", {"name": "logit_adjusted", "level": "token", "tau": -1}),
    ):
        with raises(PlanError, "out-of-range", named):
            ConfiguredLoss.of(chosen)


LABEL_LOSS = """
from dataclasses import dataclass
from equipoise.losses.labels.base import LabelLoss
from equipoise.losses.labels.cross_entropy import CrossEntropy

@dataclass(frozen=True)
class Copied(LabelLoss):
    extra: float = 1.0
    name = "copied"

    def prepare(self, priors):
        return CrossEntropy().prepare(priors)
"""
TOKEN_LOSS = """
from dataclasses import dataclass
from equipoise.losses.labels import CrossEntropy
from equipoise.losses.tokens import NamedTokenLoss, TokenLoss

@dataclass(frozen=True)
class Sharpened(NamedTokenLoss):
    sharpness: float = 1.0
    name = "sharpened"
    default_level = "token"
    over_labels = CrossEntropy()

    def token_loss(self, per):
        return TokenLoss(per, gamma=self.sharpness)
"""
WEIGHTING = """
from equipoise.losses.tasks.base import TaskWeighting

class Constant(TaskWeighting):
    name = "constant"

    def __init__(self, tasks, *, value, seed=0):
        super().__init__(tasks)
        self.value, self.seed = value, seed

    def weights(self, step, weight_sums, losses=None):
        return self.value + 0 * weight_sums
"""


@pytest.fixture
def add_file(monkeypatch, tmp_path):
    """Put one more file into a package, for the length of a test."""
    added = []

    def add(package, name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        added.append((package, name))

    yield add
    for package, name in added:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)
    gc.collect()


def test_a_new_label_loss_is_one_file_and_nothing_else(add_file, device):
    add_file(equipoise.losses.labels, "copied", LABEL_LOSS)
    made = ConfiguredLoss.of({"name": "copied", "extra": 2})
    assert made.loss.to_dict() == {"name": "copied", "extra": 2}
    assert made.build(PLAN, TASKS, t5(), TOKENIZER).tasks[0] is not None
    scores, targets = torch.tensor([[0.0, 1.0, 2.0]], device=device), torch.tensor([1], device=device)
    found, expected = (loss.prepare(priors_of()).values(scores, targets) for loss in (made.loss, CrossEntropy()))
    assert torch.equal(found, expected)


def test_a_new_token_loss_is_one_file_and_nothing_else(add_file):
    with raises(PlanError, "unknown-name"):
        parse_loss("sharpened")
    add_file(equipoise.losses.tokens, "sharpened", TOKEN_LOSS)
    assert parse_loss("sharpened") == LossConfig("sharpened", "token")
    chosen = parse_loss({"name": "sharpened", "level": "sequence", "sharpness": 3})
    built = ConfiguredLoss.of(chosen.to_dict()).build(PLAN, TASKS, t5(), TOKENIZER)
    assert isinstance(built, TokenTrainingLoss)
    assert built.loss == TokenLoss("sequence", gamma=3)
    with raises(ConfigError, "out-of-range"):
        parse_loss({"name": "sharpened", "sharpness": -1})


def test_a_new_task_weighting_is_one_file_and_nothing_else(add_file):
    add_file(equipoise.losses.tasks, "constant", WEIGHTING)
    made = task_weighting({"name": "constant", "value": 3.0}, ["a", "b"], seed=5)
    assert isinstance(made, TaskWeighting)
    assert (made.name, made.tasks, made.seed) == ("constant", ("a", "b"), 5)
    assert made.coefficients(0, torch.tensor([2.0, 4.0]).numpy()).tolist() == [1.5, 0.75]
    with raises(ConfigError, "missing-option"):
        task_weighting("constant", ["a"])
