"""Everything that reads what others may have written: how it is called, and valid input to break."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from equipoise.config import config_to_dict, make_config
from equipoise.config._yaml import parse_yaml

from . import files, states

CONFIG = b"""# a run
data:
  source: [a.jsonl, "b/*.csv"]
  columns: {input: text, target: label, group: null}
  split: {fractions: [0.7, 0.1, 0.2], seed: 3}
tasks:
  nli: {kind: classification, prompt: "{task}: {input}", verbalisers: {"1": yes, no: "no"}}
model: &tiny {name: tiny}
plan:
  rates: temperature:2,maximum=65536
  weights: {"*": sqrt, nli: {name: power, gamma: 5e-1}, qa: "balanced,max_ratio=50"}
  draws: 40_000
  max_passes: .5e2
training:
  loss: {name: focal, gamma: 2}
  task_weighting: {name: dwa, temperature: 2}
  batch_size: 32
trainer: {use_cpu: true, optim: adamw_torch}
evaluation: {method: {"*": score, qa: generate}}
seed: 7
"""


@dataclass(frozen=True)
class Target:
    """One way in.

    Attributes
    ----------
    read : callable
        Takes bytes; what it refuses is an `EquipoiseError`.
    corpus : list of bytes
        Valid input.
    is_json : bool
        Whether it can be broken by its structure too.
    weight : float
        Its share of a campaign: the quicker it is, the more.
    """

    read: Callable[[bytes], None]
    corpus: list[bytes]
    is_json: bool = False
    weight: float = 1.0


def targets(folder: Path) -> dict[str, Target]:
    """Make all of them; files are written into the folder."""
    found = {
        f"reader {suffix}": Target(files.reading(suffix, folder), corpus, weight=0.3)
        for suffix, corpus in files.CORPORA.items()
    }
    found["config"] = Target(
        read_config, [CONFIG, b"data: {source: x}\n", b"data: &a {source: x}\nmodel: {name: t}\n"], weight=0.5
    )
    found["config by structure"] = Target(read_config, [states.as_json(_plain_config())], is_json=True, weight=0.5)
    found["plan"] = Target(states.read_plan, [states.plan().to_json().encode()], is_json=True, weight=10)
    found["census"] = Target(states.read_census, [states.as_json(states.COUNTS)], is_json=True, weight=10)
    tasks = [states.as_json(task.to_dict()) for task in states.TASKS.values()]
    found["task"] = Target(states.read_task, tasks, is_json=True, weight=12)
    calibration = [states.calibration().to_json().encode()]
    found["calibration"] = Target(states.read_calibration, calibration, is_json=True, weight=5)
    found["calibration, fingerprint fits"] = Target(states.read_signed_calibration, calibration, is_json=True, weight=5)
    found["checkpoint"] = Target(states.read_position(folder), [states.position()], is_json=True, weight=2)
    for name, sampler in states.samplers().items():
        corpus = states.states_of(sampler)
        found[name] = Target(states.reading_state(sampler), corpus, is_json=True, weight=0.5)
    for chosen in states.METHODS:
        read, state = states.weighing(chosen)
        name = chosen if isinstance(chosen, str) else chosen["name"]
        found[f"weighting of tasks: {name}"] = Target(read, [state], is_json=True)
    return found


def read_config(data: bytes) -> None:
    """Read a configuration as a command would, and write it back."""
    found = parse_yaml(states.text_of(data), "run.yaml").data
    if isinstance(found, dict):
        config = make_config(found)
        assert make_config(config_to_dict(config)) == config


def _plain_config() -> object:
    return parse_yaml(CONFIG.decode()).data
