"""Options that transformers passes on and refuses late: one line that names the option, and no other error touched."""

import pytest
from tests.support.errors import raises

from equipoise.errors import ConfigError, DataError
from equipoise.trainer import training_arguments
from equipoise.trainer.arguments import check_best_metric
from equipoise.trainer.options import refusing_options


def create_optimizer(error: Exception) -> None:
    raise error


def create_scheduler(error: Exception) -> None:
    raise error


def somewhere(error: Exception) -> None:
    raise error


CASES = [
    (create_optimizer, {}, ImportError("You need to install `bitsandbytes`"), "optim"),
    (create_optimizer, {"optim_args": "a=1"}, ValueError("`optim_args` of a"), "optim_args"),
    (create_scheduler, {}, TypeError("unexpected keyword"), "lr_scheduler_type"),
    (somewhere, {"report_to": "wandb"}, RuntimeError("WandbCallback requires wandb to be installed."), "report_to"),
    (somewhere, {"optim": "sgd"}, KeyError("no optimizer sgd"), "optim"),
    (somewhere, {"neftune_noise_alpha": 5.0}, ValueError("--neftune_noise_alpha is off"), "neftune_noise_alpha"),
]


@pytest.mark.parametrize(("where", "options", "error", "option"), CASES)
def test_an_error_before_the_first_step_names_the_option(tmp_path, where, options, error, option) -> None:
    args = training_arguments(tmp_path, {"use_cpu": True} | options)
    with raises(ConfigError, "bad-option") as caught, refusing_options(args, lambda: True):
        where(error)
    said = str(error.args[0]).rstrip(".")
    assert str(caught.value).startswith(f"trainer option `{option}` cannot be used: {said} ({type(error).__name__}).")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("where", "error", "starting"),
    [
        (somewhere, ValueError("shapes differ"), True),
        (somewhere, ValueError("`learning_rate` is as it always was"), True),
        (create_optimizer, ImportError("bitsandbytes"), False),
        (somewhere, DataError("no-rows", "`report_to` is not meant"), True),
    ],
)
def test_other_errors_stay_as_they_are(tmp_path, where, error, starting) -> None:
    args = training_arguments(tmp_path, {"use_cpu": True})
    with pytest.raises(type(error)) as caught, refusing_options(args, lambda: starting):
        where(error)
    assert caught.value is error


@pytest.mark.parametrize(
    ("chosen", "several", "known"),
    [
        ("eval_macro_f1", None, "eval_loss"),
        ("accuracy", None, "eval_loss"),
        ("eval_loss", {"a": 1, "b": 2}, "eval_a_loss or eval_b_loss"),
    ],
)
def test_a_metric_that_the_evaluation_does_not_return_is_refused(tmp_path, chosen, several, known) -> None:
    args = training_arguments(tmp_path, {"use_cpu": True, "metric_for_best_model": chosen})
    with raises(ConfigError, "unknown-metric") as caught:
        check_best_metric(args, several)
    assert f"returns, {known}, found {chosen!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "several"), [(None, None), ("loss", None), ("eval_loss", None), ("a_loss", {"a": 1})]
)
def test_a_metric_that_the_evaluation_returns_is_taken(tmp_path, chosen, several) -> None:
    check_best_metric(training_arguments(tmp_path, {"use_cpu": True, "metric_for_best_model": chosen}), several)


def test_a_metric_of_the_validation_is_taken(tmp_path) -> None:
    args = training_arguments(tmp_path, {"use_cpu": True, "metric_for_best_model": "macro_f1"})
    check_best_metric(args, None, ["macro_f1", "tone_macro_f1"])
