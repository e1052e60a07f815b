"""Arguments that Equipoise owns, and those that it chooses."""

import re
from pathlib import Path

import accelerate
import pytest
import torch
from tests.support.errors import raises
from transformers import Seq2SeqTrainingArguments

from equipoise.errors import ConfigError
from equipoise.loaders.checks import whole_steps
from equipoise.trainer import training_arguments
from equipoise.trainer.arguments import OF_ACCELERATE, OWNED, check_arguments, global_batch

CPU = {"use_cpu": True}


@pytest.mark.parametrize("name", OWNED)
def test_owned_options_are_refused_with_their_reason(tmp_path, name) -> None:
    with raises(ConfigError, "owned-option") as caught:
        training_arguments(tmp_path, CPU | {name: OWNED[name][0]})
    assert f"`{name}` cannot be set: {OWNED[name][1]}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("remove_unused_columns", True),
        ("ignore_data_skip", True),
        ("train_sampling_strategy", "group_by_length"),
        ("label_smoothing_factor", 0.1),
        ("average_tokens_across_devices", False),
        ("dataloader_drop_last", True),
        ("predict_with_generate", True),
        ("save_only_model", True),
        ("data_seed", 0),
        ("accelerator_config", {"split_batches": True}),
    ],
)
def test_hand_made_arguments_are_checked_as_well(tmp_path, name, value) -> None:
    if name not in Seq2SeqTrainingArguments.__dataclass_fields__:
        pytest.skip("an option that later versions of transformers have")
    made = {"output_dir": str(tmp_path), "use_cpu": True, "remove_unused_columns": False} | {name: value}
    if name == "data_seed":
        made[name] = 5
    with raises(ConfigError, "owned-option") as caught:
        check_arguments(Seq2SeqTrainingArguments(**made), "t5")
    assert f"`{name}` must be" in str(caught.value)


def test_hand_made_arguments_that_fit_pass(tmp_path) -> None:
    args = Seq2SeqTrainingArguments(output_dir=str(tmp_path), use_cpu=True, remove_unused_columns=False)
    check_arguments(args, "t5")


@pytest.mark.parametrize("model_type", ["t5", "mt5", "umt5", "longt5"])
def test_float16_is_refused_for_t5(tmp_path, model_type) -> None:
    args = training_arguments(tmp_path, CPU, model_type=model_type)
    args.fp16 = True
    with raises(ConfigError, "float16-model"):
        check_arguments(args, model_type)
    check_arguments(args, "bart")


LIGER = CPU | {"use_liger_kernel": True}


@pytest.mark.parametrize("config", [None, {"rope": False}, {"fused_linear_cross_entropy": True}])
def test_the_fused_loss_of_liger_leaves_no_logits(tmp_path, config) -> None:
    with raises(ConfigError, "fused-loss") as caught:
        training_arguments(tmp_path, LIGER | {"liger_kernel_config": config}, model_type="llama")
    assert "`liger_kernel_config: {fused_linear_cross_entropy: false}`" in str(caught.value)


def test_other_kernels_of_liger_pass_where_there_are_any(tmp_path) -> None:
    config = LIGER | {"liger_kernel_config": {"fused_linear_cross_entropy": False}}
    assert training_arguments(tmp_path, config, model_type="llama").use_liger_kernel
    with raises(ConfigError, "no-liger-kernels"):
        training_arguments(tmp_path, config, model_type="t5")


def test_two_checkpoints_are_kept_unless_another_number_is_asked_for(tmp_path) -> None:
    assert training_arguments(tmp_path, CPU).save_total_limit == 2
    assert training_arguments(tmp_path, CPU | {"save_total_limit": 1}).save_total_limit == 1


def test_unknown_options_are_named_with_the_nearest(tmp_path) -> None:
    with raises(ConfigError, "unknown-option") as caught:
        training_arguments(tmp_path, {"lerning_rate": 1.0})
    assert "`lerning_rate`. Did you mean 'learning_rate'?" in str(caught.value)


@pytest.mark.parametrize("name", ["seed", "output_dir"])
def test_options_that_the_run_sets_are_refused(tmp_path, name) -> None:
    with raises(ConfigError, "owned-option"):
        training_arguments(tmp_path, {name: 1})


def test_values_that_transformers_refuses_are_configuration_errors(tmp_path) -> None:
    with raises(ConfigError, "bad-option"):
        training_arguments(tmp_path, CPU | {"save_strategy": "sometimes"})


@pytest.mark.parametrize(
    ("gpu", "supported", "options", "expected"),
    [
        (True, True, {}, True),
        (True, False, {}, False),
        (True, True, CPU, False),
        (True, True, {"bf16": False}, False),
        (False, True, {}, False),
    ],
)
def test_bfloat16_where_the_device_has_it(tmp_path, monkeypatch, gpu, supported, options, expected) -> None:
    chosen = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    # The class itself would start CUDA; what it is given is what matters here.
    monkeypatch.setattr(
        "equipoise.trainer.arguments.Seq2SeqTrainingArguments.__post_init__",
        lambda self: chosen.update(bf16=self.bf16),
    )
    monkeypatch.setattr("equipoise.trainer.arguments.check_arguments", lambda *_: None)
    training_arguments(tmp_path, options)
    assert chosen == {"bf16": expected}


def test_global_batch_and_whole_steps(tmp_path) -> None:
    args = training_arguments(tmp_path, CPU | {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 5})
    assert global_batch(args) == 15
    assert [whole_steps(draws, 15) for draws in (0, 1, 15, 16)] == [15, 15, 15, 30]


@pytest.mark.parametrize(("option", "found"), [("bf16", "no"), ("bf16", "fp16"), (None, "no")])
def test_the_options_decide_the_precision_whatever_the_environment(tmp_path, monkeypatch, option, found) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", found)
    options = CPU if option is None else CPU | {option: True}
    assert training_arguments(tmp_path, options).mixed_precision == (option or "no")


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("ACCELERATE_MIXED_PRECISION", "BF16", "Set trainer option `bf16` or `fp16`, or unset it."),
        ("ACCELERATE_DYNAMO_BACKEND", "eager", "Set trainer option `torch_compile_backend`, or unset it."),
        ("ACCELERATE_DYNAMO_MODE", "max-autotune", "`torch_compile_mode`"),
        ("ACCELERATE_DYNAMO_USE_FULLGRAPH", "True", "Unset it."),
        ("ACCELERATE_USE_FSDP", "true", "Set trainer option `fsdp`, with torchrun as the launcher"),
        ("ACCELERATE_USE_DEEPSPEED", "true", "Set trainer option `fsdp`, with torchrun as the launcher"),
        ("ACCELERATE_USE_MEGATRON_LM", "1", "Unset it."),
    ],
)
def test_the_environment_does_not_change_what_is_computed_unseen(tmp_path, monkeypatch, name, value, advice) -> None:
    by_hand = Seq2SeqTrainingArguments(output_dir=str(tmp_path), use_cpu=True, remove_unused_columns=False)
    monkeypatch.setenv(name, value)
    for refused in (lambda: training_arguments(tmp_path, CPU), lambda: check_arguments(by_hand, "t5")):
        with raises(ConfigError, "other-environment", f"{name} is '{value}'", advice):
            refused()


def test_what_launchers_set_where_nothing_is_asked_for_is_accepted(tmp_path, monkeypatch) -> None:
    for name in OF_ACCELERATE:
        monkeypatch.setenv(
            name, {"BACKEND": "NO", "MODE": "default", "PRECISION": "no"}.get(name.split("_")[-1], "False")
        )
    training_arguments(tmp_path, CPU)


@pytest.mark.parametrize(("backend", "mode"), [("eager", None), ("eager", "default"), (None, "reduce-overhead")])
def test_what_the_options_ask_for_may_be_in_the_environment_too(tmp_path, monkeypatch, backend, mode) -> None:
    options = CPU | {"torch_compile": True, "torch_compile_backend": backend, "torch_compile_mode": mode}
    monkeypatch.setenv(
        "ACCELERATE_DYNAMO_BACKEND", backend or "inductor"
    )  # as transformers does for earlier accelerates
    monkeypatch.setenv("ACCELERATE_DYNAMO_MODE", mode or "default")
    training_arguments(tmp_path, options)
    with raises(ConfigError, "other-environment", "ACCELERATE_DYNAMO_BACKEND"):  # of a training that is not compiled
        training_arguments(tmp_path, CPU)


HARMLESS = {
    "which device": {"USE_CPU", "TORCH_DEVICE", "CPU_AFFINITY", "NUM_PROCESSES", "IN_TPU_POD", "BYPASS_DEVICE_MAP"},
    "what is logged": {"DEBUG_MODE", "LOG_LEVEL", "ENABLE_RICH", "DISABLE_RICH"},
    "the Trainer passes its own": {"GRADIENT_ACCUMULATION_STEPS"},
    "how processes meet": {"USE_SAGEMAKER", "SAGEMAKER_DISTRIBUTED_TYPE", "DEBUG_RDV_FILE", "USE_IPEX", "USE_XPU"},
    "of the precision fp8": {"FP8_", "FP8_BACKEND", "FP8_OPT_LEVEL", "FP8_FORMAT"},
    "of DeepSpeed": {"GRADIENT_CLIPPING", "CONFIG_DS_FIELDS"},
    "of parallelism": {"ALLOW_CP_STANDALONE"},
    "where large models are made": {"INIT_INCLUDE_BUFFERS"},
}


def test_every_variable_that_accelerate_reads_is_known() -> None:
    """A later version may read others: each is one that is refused, or has its reason here."""
    sources = Path(accelerate.__file__).parent.rglob("*.py")
    read = {name for file in sources for name in re.findall(r"\bACCELERATE_(\w+)", file.read_text("utf-8"))}
    known = {name.removeprefix("ACCELERATE_") for name in OF_ACCELERATE} | {"DYNAMO_"}
    known |= {name for names in HARMLESS.values() for name in names}
    assert {name for name in read - known if not name.startswith("DEEPSPEED_")} == set()
