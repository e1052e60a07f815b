"""Configurations: what is accepted, and how each refusal names the place and the remedy."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.support.errors import raises

from equipoise.config import (
    RunConfig,
    ScheduleFile,
    config_to_dict,
    load_config,
    make_comparison,
    make_config,
    parse_loss,
    parse_rates,
    parse_schedule,
    parse_weights,
    save_config,
)
from equipoise.errors import ConfigError, PlanError
from equipoise.rates import Equal, Fixed, Proportional, Temperature, UniMax
from equipoise.schedule import Annealed, Cooldown, Deferred, Linear, Stages
from equipoise.weights import Balanced, EffectiveNumber, Log, Natural, Power, Shares

SMALL = {"data": {"source": "rows.jsonl"}}


def write(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str, code: str, **options: object) -> str:
    with raises(ConfigError, code) as caught:
        load_config(write(folder, text), **options)
    return str(caught.value)


def test_defaults_are_the_recommended_plan() -> None:
    config = make_config(SMALL)
    assert config.plan.rates == Equal()
    assert config.plan.weights == Power(gamma=0.5)
    assert config.plan.target_rates is None
    assert config.seed == 0


def test_configs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_config(SMALL).seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("data: {source: x}\nplan:\n  rate: equal\n", "line 3", "Did you mean `plan.rates`?"),
        ("data: {source: x}\nplann: {}\n", "line 2", "Did you mean `plan`?"),
        ("data: {source: x}\ntraining:\n  learning_rat: 1\n", "line 3", "`training.learning_rate`"),
        ("data:\n  source: x\n  columns: {text: y}\n", "line 3", "Known here: task, input"),
    ],
)
def test_unknown_keys_name_file_line_and_the_closest_key(tmp_path: Path, text: str, place: str, hint: str) -> None:
    message = refusal(tmp_path, text, "unknown-key")
    assert "unknown key" in message
    assert f"run.yaml, {place}:" in message
    assert hint in message


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("seed: one", "bad-value", "`seed` must be an integer, found 'one'"),
        ("seed: true", "bad-value", "`seed` must be an integer, found True"),
        ("seed: 1.5", "bad-value", "`seed` must be an integer, found 1.5"),
        ("seed: -1", "out-of-range", "`seed` must be at least 0, found -1"),
        ("training: {learning_rate: fast}", "bad-value", "`training.learning_rate` must be a number, found 'fast'"),
        ("training: {learning_rate: 0}", "out-of-range", "`training.learning_rate` must be greater than 0, found 0.0"),
        (
            "training: {learning_rate: .nan}",
            "out-of-range",
            "`training.learning_rate` must be greater than 0",
        ),
        ("training: {batch_size: 0}", "out-of-range", "`training.batch_size` must be at least 1, found 0"),
        ("training: {warmup: 2}", "out-of-range", "`training.warmup` must be at least 0 and at most 1, found 2"),
        (
            "training: {loss: {gamma: 2}}",
            "missing-name",
            "`training.loss`: a loss must be a name, or a mapping with the key `name`",
        ),
        (
            "training: {loss: {name: focal, level: word}}",
            "unknown-choice",
            "one of sequence, token, label, found",
        ),
        ("training: {loss: {name: weighted, weights: often}}", "unknown-name", "unknown class weights 'often'"),
        ("trainer: {label_smoothing_factor: 0.1}", "owned-argument", "Set `training.loss` instead"),
        ("trainer: {load_best_model_at_end: true}", "owned-argument", "Set `training.best` instead"),
        ("training: {best: f1}", "bad-value", "'macro_f1', 'balanced_accuracy', 'worst_recall', 'log_loss', 'loss'"),
        ("training: {patience: 2}", "patience-without-best", "Set `training.best`"),
        ("training: {best: loss, patience: 0}", "out-of-range", "`training.patience`"),
        ("training: 5", "bad-value", "`training` must be a mapping of keys to values, found 5"),
        ("plan: {allow_repeats: 1}", "bad-value", "`plan.allow_repeats` must be true or false, found 1"),
        ("plan: {max_passes: 0}", "out-of-range", "`plan.max_passes` must be greater than 0, found 0"),
        (
            "plan: {max_passes: {heart: {a: 0}}}",
            "out-of-range",
            "`plan.max_passes.heart.a` must be greater than 0, found 0",
        ),
        ("plan: {max_passes: {heart: often}}", "bad-value", "`plan.max_passes.heart` must be a number, found 'often'"),
        ("plan: {draws: 0}", "out-of-range", "`plan.draws` must be at least 1, found 0"),
        ("evaluation: {alarm_rate: 1}", "wrong-alarm-rate", "must be above 0 and below 1, found 1"),
        ("evaluation: {method: guess}", "unknown-choice", "one of auto, score, constrained, generate, found"),
        (
            "evaluation: {method: {heart: guess}}",
            "unknown-choice",
            "must be one of auto, score, constrained, generate, found 'guess'",
        ),
        ("tasks: {heart: {kind: closed}}", "bad-value", "'classification', 'open_ended', found 'closed'"),
        (
            "trainer: {seed: 3}",
            "owned-argument",
            "`trainer.seed` is derived",
        ),
        ("trainer: {max_steps: 3}", "owned-argument", "Set `plan.draws` instead"),
    ],
)
def test_wrong_values_name_key_expectation_and_finding(tmp_path: Path, text: str, code: str, expected: str) -> None:
    message = refusal(tmp_path, f"data: {{source: x}}\n{text}\n", code)
    assert expected in message
    assert "run.yaml" in message


def test_errors_of_other_rooms_name_the_place_too(tmp_path: Path) -> None:
    path = write(tmp_path, "data: {source: x}\ntasks:\n  heart: {prompt: no place}\n")
    with raises(ConfigError, "bad-prompt", "run.yaml, line 3: in `tasks.heart`: ", "`prompt`"):
        load_config(path)


def test_an_empty_section_has_its_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "data: {source: x, split: }\nplan:\n  # draws: 5\n"))
    assert config == make_config({"data": {"source": "x"}})


def test_missing_key_is_named(tmp_path: Path) -> None:
    assert "`data` is missing" in refusal(tmp_path, "seed: 1\n", "missing-key")
    assert "`data.source` is missing" in refusal(tmp_path, "data: {text: binned}\n", "missing-key")
    assert "`data` is missing" in refusal(tmp_path, "", "missing-key")


def test_duplicate_keys_are_refused_with_both_lines(tmp_path: Path) -> None:
    message = refusal(tmp_path, "data: {source: x}\nplan:\n  draws: 5\n  draws: 6\n", "duplicate-key")
    assert "line 4: `plan.draws` was already given in" in message
    assert "line 3" in message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("data: {source: !!python/object/apply:os.getcwd []}", "not-yaml"),
        ("data: {source: [}", "not-yaml"),
        ("a: &x 1\n<<: *x", "unknown-key"),
        ("? [1]\n: 2", "not-a-string"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert "run.yaml" in refusal(tmp_path, text, code)


def test_yaml_means_what_it_says(tmp_path: Path) -> None:
    text = """
data: {source: x}
training: {learning_rate: 1e-3}
tasks:
  no: {verbalisers: {no: off, 1: on, 2020-01-01: 1:30}}
"""
    config = load_config(write(tmp_path, text))
    assert config.training.learning_rate == 0.001
    assert config.tasks["no"].verbalisers == {"no": "off", "1": "on", "2020-01-01": "1:30"}


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with raises(ConfigError, "cannot-read", "missing.yaml"):
        load_config(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"data: \xff")
    with raises(ConfigError, "cannot-read", "UTF-8"):
        load_config(tmp_path / "latin.yaml")


def test_options_go_before_the_file_and_overrides_before_both(tmp_path: Path) -> None:
    path = write(tmp_path, "data: {source: x}\nplan: {draws: 1}\nseed: 1\n")
    config = load_config(path, options={"plan.draws": 2, "seed": 2}, overrides=["seed=3", "training.warmup=0.5"])
    assert (config.plan.draws, config.seed, config.training.warmup) == (2, 3, 0.5)


@pytest.mark.parametrize(
    ("override", "code", "expected"),
    [
        ("plan.drows=5", "unknown-key", "--set plan.drows=5: unknown key `plan.drows`. Did you mean `plan.draws`?"),
        ("plan.draws=many", "bad-value", "--set plan.draws=many: `plan.draws` must be an integer"),
        ("plan.draws", "bad-override", "must look like `plan.draws=1000`"),
        ("plan..draws=1", "bad-override", "must look like `plan.draws=1000`"),
        (
            "plan.weights={heart: sqr}",
            "unknown-name",
            "--set plan.weights={heart: sqr}: `plan.weights.heart`: ",
        ),
        ("seed.x=1", "not-a-mapping", "`seed` has the value 7"),
    ],
)
def test_overrides_are_checked_and_named(tmp_path: Path, override: str, code: str, expected: str) -> None:
    text = "data: {source: x}\nseed: 7\nplan: {weights: {heart: sqrt}}\n"
    assert expected in refusal(tmp_path, text, code, overrides=[override])


def test_overrides_take_lists_and_mappings() -> None:
    overrides = ["data.source=[a.csv, b.csv]", "plan.weights={'*': sqrt, heart: balanced}"]
    config = make_config(SMALL, overrides=overrides)
    assert config.data.source == ("a.csv", "b.csv")
    assert config.plan.weights == {"*": Power(gamma=0.5), "heart": Balanced()}


def test_resolved_config_reads_back_the_same(tmp_path: Path) -> None:
    config = make_config(
        {
            "data": {"source": ["a", "b"], "columns": {"input": "text", "group": "patient"}},
            "tasks": {"no": {"prompt": "{task}? {input}", "verbalisers": {"no": "off", "\u00e9": "1e3"}}},
            "plan": {
                "rates": "temperature:2,maximum=65536",
                "weights": {"*": "balanced,max_ratio=50", "heart": {"name": "shares", "shares": {"heart": {"a": 1}}}},
                "target_weights": "natural",
                "draws": 640,
                "max_passes": {"heart": {"a": 20, "*": 10}, "*": 4},
                "schedule": [{"at": 0.5, "rates": "proportional"}, {"at": 512, "weights": {"heart": "natural"}}],
            },
            "trainer": {"bf16": True, "optim": "adafactor"},
            "evaluation": {"method": {"*": "score", "no": "generate"}},
        }
    )
    save_config(config, tmp_path / "resolved.yaml")
    assert load_config(tmp_path / "resolved.yaml") == config
    assert make_config(config_to_dict(config)) == config
    assert yaml.safe_load((tmp_path / "resolved.yaml").read_text(encoding="utf-8")) == config_to_dict(config)


@pytest.mark.parametrize(
    ("value", "schedule"),
    [
        ("cooldown", Cooldown()),
        ("cooldown:5,1,at=0.25", Cooldown(5, 1, at=0.25)),
        ("cooldown:3,last=2", Cooldown(3, 2)),
        ("annealed:0.2,1,stages=4", Annealed(0.2, 1, stages=4)),
        ({"name": "deferred", "at": 0.9}, Deferred(0.9)),
        (
            {"name": "linear", "start": {"temperature": 5}, "end": {"temperature": 1}, "stages": 4},
            Linear({"temperature": 5}, {"temperature": 1}, stages=4),
        ),
        ([{"at": 0.5, "rates": "proportional"}], Stages([{"at": 0.5, "rates": Proportional()}])),
        ("runs/first/schedule.json", ScheduleFile("runs/first/schedule.json")),
        (None, None),
    ],
    ids=str,
)
def test_schedules_are_recipes_stages_or_a_file(value: object, schedule: object) -> None:
    config = make_config({**SMALL, "plan": {"schedule": value}})
    assert config.plan.schedule == schedule
    assert make_config(config_to_dict(config)) == config


def test_a_list_of_stages_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "shares.yaml").write_text("a: {no: 0.5, yes: 0.5}\n")
    shares, read = f"shares:{tmp_path / 'shares.yaml'}", Shares({"a": {"no": 0.5, "yes": 0.5}})
    stages = [{"at": 0.25, "rates": "equal", "weights": {"a": shares, "*": "sqrt"}}, {"at": 0.5, "weights": shares}]
    (tmp_path / "stages.yaml").write_text(yaml.safe_dump(stages))
    weights = {"a": read, "*": Power(0.5)}
    expected = Stages([{"at": 0.25, "rates": Equal(), "weights": weights}, {"at": 0.5, "weights": read}])
    assert parse_schedule(stages) == parse_schedule(f"stages:{tmp_path / 'stages.yaml'}") == expected


@pytest.mark.parametrize(
    ("plan", "code", "expected"),
    [
        ("schedule: cooldwn", "unknown-name", "`plan.schedule`: unknown schedules 'cooldwn'. Did you mean 'cooldown'?"),
        ("schedule: 'cooldown:5,1,0.5'", "not-an-option", "an option of 'cooldown' must look like `name=value`"),
        ("schedule: 'cooldown:5,at=0.5,1'", "not-an-option", "found '1'"),
        ("schedule: 'cooldown,1'", "not-an-option", "found '1'"),
        ("schedule: 'cooldown:5,at=2'", "out-of-range", "`at` must be below 1"),
        ("schedule: 3", "not-a-scheme", "schedules must be a string such as 'deferred' or a mapping"),
        ("schedule: {at: 3}", "not-a-scheme", "a mapping with the key `name`, found ['at']"),
        ("schedule: [{rates: equal}]", "not-a-number", "`at` must be a finite number"),
        ("schedule: [{at: 0.5, rate: equal}]", "unknown-option", "Did you mean 'rates'?"),
        ("{schedule: a.json, rates: proportional}", "schedule-and-plan", "so leave `plan.rates` out"),
        ("{schedule: a.json, max_passes: 4}", "schedule-and-plan", "so leave `plan.max_passes` out"),
        ("{schedule: a.json, draws: 40, proxy_of: 90}", "schedule-and-plan", "so leave `plan.proxy_of` out"),
    ],
)
def test_wrong_schedules_name_the_remedy(tmp_path: Path, plan: str, code: str, expected: str) -> None:
    plan = plan if plan.startswith("{") else f"{{{plan}}}"
    assert expected in refusal(tmp_path, f"data: {{source: x}}\nplan: {plan}\n", code)


def test_a_candidate_has_a_recipe_and_no_file() -> None:
    known = {"late": {"schedule": "deferred:0.8", "rates": "equal"}}
    assert make_comparison({**SMALL, "compare": {"candidates": known}}).trials["late"].schedule == Deferred(0.8)
    known["late"]["schedule"] = "schedule.json"
    with raises(ConfigError, "schedule-file", "`schedule` must be a recipe in a comparison"):
        make_comparison({**SMALL, "compare": {"candidates": known}})


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("equal", Equal()),
        ("proportional", Proportional()),
        ("proportional,maximum=65536", Proportional(maximum=65536)),
        ("temperature:2", Temperature(2)),
        ("temperature: 2 , maximum=65536", Temperature(2, maximum=65536)),
        ("unimax:4", UniMax(4)),
        ({"name": "temperature", "temperature": 2}, Temperature(2)),
    ],
)
def test_rates(text: object, scheme: object) -> None:
    assert parse_rates(text) == scheme


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("natural", Natural()),
        ("sqrt", Power(0.5)),
        ("power:0.25", Power(0.25)),
        ("balanced", Balanced()),
        ("balanced,max_ratio=50", Balanced().clipped(max_ratio=50)),
        ("effective:0.999", EffectiveNumber(beta=0.999)),
        ("log:1.5", Log(1.5)),
        ({"name": "power", "gamma": 0.25, "max_ratio": 9}, Power(0.25).clipped(max_ratio=9)),
    ],
)
def test_weights(text: object, scheme: object) -> None:
    assert parse_weights(text) == scheme


def test_schemes_from_files(tmp_path: Path) -> None:
    (tmp_path / "rates.yaml").write_text("a: 0.25\nb: 0.75\n")
    (tmp_path / "shares.yaml").write_text("a: {no: 0.5, yes: 0.5}\n")
    assert parse_rates(f"fixed:{tmp_path / 'rates.yaml'}") == Fixed({"a": 0.25, "b": 0.75})
    assert parse_weights(f"shares:{tmp_path / 'shares.yaml'}") == Shares({"a": {"no": 0.5, "yes": 0.5}})


@pytest.mark.parametrize(
    ("parse", "text", "code", "expected"),
    [
        (parse_rates, "equl", "unknown-name", "Did you mean 'equal'?"),
        (parse_weights, "sqr", "unknown-name", "Did you mean 'sqrt'?"),
        (parse_rates, "equal:3", "unknown-option", "'equal' takes no value"),
        (parse_rates, "temperature:hot", "not-a-number", "'temperature' needs a number, found 'hot'"),
        (parse_rates, "temperature:0", "out-of-range", "`temperature` must be a finite number above 0"),
        (parse_rates, "temperature:2,max=3", "unknown-option", "found 'max'"),
        (parse_weights, "power:0.5,max_ratio", "not-an-option", "must look like `name=value`"),
        (parse_weights, 3, "not-a-scheme", "such as 'balanced' or a mapping with the key `name`, found 3"),
        (parse_weights, {"gamma": 0.5}, "not-a-scheme", "a mapping with the key `name`, found ['gamma']"),
        (parse_weights, {"name": "powr", "gamma": 0.5}, "unknown-name", "Did you mean 'power'?"),
    ],
)
def test_wrong_schemes_say_what_is_known(parse: Callable[[object], object], text: object, code: str, expected: str):
    with raises(PlanError, code, expected):
        parse(text)


def test_a_wrong_scheme_in_a_file_names_its_place(tmp_path: Path) -> None:
    message = refusal(tmp_path, "data: {source: x}\nplan:\n  weights:\n    heart: sqr\n", "unknown-name")
    assert "run.yaml, line 4: `plan.weights.heart`: unknown class weights 'sqr'" in message


def test_method_of_a_task() -> None:
    config: RunConfig = make_config({**SMALL, "evaluation": {"method": {"notes": "generate", "*": "constrained"}}})
    assert config.evaluation.method_of("notes") == "generate"
    assert config.evaluation.method_of("heart") == "constrained"
    assert make_config(SMALL).evaluation.method_of("heart") == "auto"
    partly: RunConfig = make_config({**SMALL, "evaluation": {"method": {"notes": "generate"}}})
    assert partly.evaluation.method_of("heart") == "auto"


@pytest.mark.parametrize(
    ("value", "name", "level"),
    [
        ("cross_entropy", "cross_entropy", "sequence"),
        ("focal", "focal", "sequence"),
        ("logit_adjusted", "logit_adjusted", "label"),
        ("ldam", "ldam", "label"),
        ({"name": "focal", "level": "label", "gamma": 1}, "focal", "label"),
        ({"name": "cross_entropy", "level": "token", "label_smoothing": 0.1}, "cross_entropy", "token"),
        ({"name": "weighted", "weights": "power:0.5", "length_norm": 0.5}, "weighted", "label"),
        ({"name": "cost_sensitive", "costs": {"t": {"a": {"b": 2}}}}, "cost_sensitive", "label"),
    ],
)
def test_losses_are_named_and_read_back(tmp_path: Path, value: object, name: str, level: str) -> None:
    config = make_config(SMALL | {"training": {"loss": value}})
    assert (config.training.loss.name, config.training.loss.level) == (name, level)
    save_config(config, tmp_path / "saved.yaml")
    assert load_config(tmp_path / "saved.yaml") == config


@pytest.mark.parametrize(
    ("loss", "code", "found"),
    [
        ("balanced_sofmax", "unknown-name", "Did you mean 'balanced_softmax'?"),
        ("{name: focal, gama: 1}", "unknown-option", "Did you mean 'gamma'?"),
        ("{name: focal, gamma: -1}", "out-of-range", "`gamma` must be at least 0, found -1"),
        ("{name: focal, level: label, gamma: -1}", "out-of-range", "`gamma` must be a finite number of at least 0"),
        ("{name: ldam, scale: 0}", "out-of-range", "`scale` must be a finite number above 0"),
        ("{name: ldam, level: token}", "wrong-level", "ldam is a loss of label scores"),
        ("{name: balanced_softmax, length_norm: 2}", "out-of-range", "`length_norm` must be in [0, 1], found 2"),
        ("weighted", "missing-option", "need the option 'weights'"),
    ],
)
def test_losses_are_checked_with_the_configuration(tmp_path: Path, loss: str, code: str, found: str) -> None:
    message = refusal(tmp_path, f"data: {{source: x}}\ntraining:\n  loss: {loss}\n", code)
    assert message.startswith(f"{tmp_path / 'run.yaml'}, line 3: `training.loss`: ")
    assert found in message
    candidates = {"mine": {"loss": yaml.safe_load(loss)}}
    with raises(ConfigError, code, "`compare.candidates.mine.loss`: ", found):
        make_comparison(SMALL | {"compare": {"candidates": candidates}})


def test_losses_are_checked_without_torch(tmp_path: Path) -> None:
    loss = "{name: logit_adjusted, level: sequence, tau: 0.5}"
    path = write(tmp_path, f"data: {{source: x}}\ntraining: {{loss: {loss}}}\n")
    code = (
        "import sys; from pathlib import Path; from equipoise.config import default_trials, load_config;"
        "default_trials(); print(load_config(Path(sys.argv[1])).training.loss.name);"
        "print(sorted({'torch', 'transformers', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["logit_adjusted", "[]"]


def test_the_default_loss_counts_sequences() -> None:
    assert config_to_dict(make_config(SMALL))["training"]["loss"] == {"name": "cross_entropy", "level": "sequence"}


def test_the_losses_of_the_documentation_are_read() -> None:
    text = (Path(__file__).parents[3] / "docs" / "losses.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.startswith("  loss: ")]
    assert len(lines) == 8
    levels = [parse_loss(yaml.safe_load(line)["loss"]).level for line in lines]
    assert levels == ["sequence", "token", "sequence", "label", "label", "label", "label", "sequence"]


@pytest.mark.parametrize("plan", [{"proxy_of": 90}, {"draws": 91, "proxy_of": 90}, {"proxy_of": 0}])
def test_a_proxy_has_some_of_the_draws_of_a_full_training(plan: dict[str, int]) -> None:
    with raises(ConfigError, "proxy-draws", "`plan.draws` must be from 1 to") as refused:
        make_config({**SMALL, "plan": plan})
    assert f"found {plan.get('draws')}." in str(refused.value)
