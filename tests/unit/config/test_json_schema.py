"""The JSON schema accepts what configurations may hold, and refuses unknown keys and wrong types."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from tests.support.json_schema import SCHEMA, VALIDATOR, jsonschema

from equipoise.base.registry import registered
from equipoise.config import config_to_dict, configuration_keys, make_comparison
from equipoise.config._yaml import parse_yaml
from equipoise.errors import EquipoiseError
from equipoise.losses.named import LabelLoss, NamedTokenLoss
from equipoise.rates import Rates
from equipoise.weights import ClassWeights

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```yaml(?: \S+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def of_docs() -> dict[str, dict[str, object]]:
    """Return the configurations in the documentation; a block that shows alternatives is none."""
    found = {}
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            with contextlib.suppress(EquipoiseError):
                data = parse_yaml(block).data
                if isinstance(data, dict) and set(data) <= set(SCHEMA["properties"]):
                    found[f"{page.name}-{number}"] = data
    return found


IN_DOCS = of_docs()


def valid(**sections: object) -> dict[str, object]:
    return {"data": {"source": "rows.jsonl"}, **sections}


def test_it_is_a_schema():
    VALIDATOR.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_documentation_has_configurations():
    assert len(IN_DOCS) >= 5


@pytest.mark.parametrize("name", IN_DOCS)
def test_configurations_of_the_documentation_are_valid(name):
    part = {"data": {"source": "rows.jsonl"}} | IN_DOCS[name]
    VALIDATOR.validate(part)


GOOD = {
    "nothing else": {},
    "empty sections": {"plan": None, "training": None, "model": None, "compare": None, "tasks": {"a": None}},
    "several sources": {"data": {"source": ["a.csv", "b.csv"], "columns": {"tasks": ["x", "y"]}}},
    "scheme in a string": {"plan": {"rates": "temperature:2,maximum=65536", "weights": "sqrt"}},
    "scheme in a mapping": {"plan": {"rates": {"name": "fixed", "rates": {"a": 0.25, "b": 0.75}}}},
    "alias in a mapping": {"plan": {"weights": {"name": "sqrt", "max_ratio": 50}}},
    "option of all weights": {"plan": {"weights": "balanced,max_ratio=50"}},
    "clipped": {"plan": {"weights": {"name": "clipped", "inner": "balanced", "max_ratio": 4}}},
    "weights by task": {"plan": {"weights": {"a": "sqrt", "b": {"name": "power", "gamma": 1}}}},
    "a limit": {"plan": {"max_passes": 4}},
    "limits": {"plan": {"max_passes": {"rare": {"yes": 20, "*": 10}, "*": 4.5}}},
    "a recipe": {"plan": {"schedule": "cooldown:5,1,at=0.5"}},
    "stages": {"plan": {"schedule": [{"at": 0.5, "rates": "proportional", "weights": {"a": "natural"}}]}},
    "rule": {"plan": {"feedback": "art:0.3", "draws": 100, "feedback_every": 5}},
    "loss by name": {"training": {"loss": "balanced_softmax"}},
    "loss of tokens": {"training": {"loss": {"name": "cross_entropy", "level": "token", "label_smoothing": 0.1}}},
    "loss of labels": {"training": {"loss": {"name": "cross_entropy", "level": "label", "length_norm": 1}}},
    "weighted": {"training": {"loss": {"name": "weighted", "weights": "sqrt"}}},
    "task weighting": {"training": {"task_weighting": {"name": "dwa", "temperature": 4}}},
    "best": {"training": {"best": "macro_f1", "patience": 3, "batches": "one_task"}},
    "adapter in a string": {"model": {"adapter": "r=16,targets=q+v"}},
    "adapter": {"model": {"adapter": {"r": 4, "targets": ["q"], "use_dora": True}, "quantization": "nf4"}},
    "methods": {"evaluation": {"method": {"a": "score", "*": "generate"}}},
    "trainer": {"trainer": {"bf16": True, "gradient_accumulation_steps": 2}},
    "candidates by name": {"compare": {"candidates": ["sqrt", "focal"], "budget": "30m"}},
    "candidates": {"compare": {"candidates": {"mine": {"rates": "equal", "loss": "focal", "batch_size": 8}}}},
}


@pytest.mark.parametrize("name", GOOD)
def test_what_a_configuration_may_hold_is_valid(name):
    config = valid(**GOOD[name])
    made = make_comparison(config)
    VALIDATOR.validate(config)
    VALIDATOR.validate(json.loads(json.dumps(config_to_dict(made))))  # as run directories hold it


BAD = {
    "no source": ({"data": {}}, "missing-key"),
    "unknown section": ({"modle": {"name": "tiny"}}, "unknown-key"),
    "unknown key": ({"plan": {"drawz": 4}}, "unknown-key"),
    "unknown column": ({"data": {"source": "a.csv", "columns": {"label": "y"}}}, "unknown-key"),
    "unknown option of a task": ({"tasks": {"a": {"labels": ["x"]}}}, "unknown-key"),
    "string for an integer": ({"plan": {"draws": "many"}}, "bad-value"),
    "number for an integer": ({"plan": {"draws": 1.5}}, "bad-value"),
    "integer for a string": ({"data": {"source": 3}}, "bad-value"),
    "string for a boolean": ({"plan": {"allow_repeats": "yes"}}, "bad-value"),
    "list for a mapping": ({"training": [1]}, "bad-value"),
    "two fractions": ({"data": {"source": "a.csv", "split": {"fractions": [0.5, 0.5]}}}, "bad-value"),
    "unknown choice": ({"training": {"schedule": "step"}}, "bad-value"),
    "unknown batches": ({"training": {"batches": "tasks"}}, "unknown-choice"),
    "unknown method": ({"evaluation": {"method": {"a": "guess"}}}, "unknown-choice"),
    "unknown rates": ({"plan": {"rates": "eqaul"}}, "unknown-name"),
    "unknown weights of a task": ({"plan": {"weights": {"a": "sqroot"}}}, "unknown-name"),
    "unknown option": ({"plan": {"rates": {"name": "temperature", "celsius": 3}}}, "unknown-option"),
    "missing option": ({"plan": {"rates": {"name": "fixed"}}}, "missing-option"),
    "unknown recipe": ({"plan": {"schedule": "warmer:3"}}, "unknown-name"),
    "stage without a place": ({"plan": {"schedule": [{"rates": "equal"}]}}, "not-a-number"),
    "unknown loss": ({"training": {"loss": "hinge"}}, "unknown-name"),
    "option of another loss": ({"training": {"loss": {"name": "focal", "tau": 1}}}, "unknown-option"),
    "owned argument": ({"trainer": {"max_steps": 3}}, "owned-argument"),
    "unknown candidate": ({"compare": {"candidates": ["sqroot"]}}, "unknown-name"),
    "unknown correction": ({"compare": {"corrections": ["none", "platt"]}}, "bad-value"),
}


@pytest.mark.parametrize("name", BAD)
def test_unknown_keys_and_wrong_types_are_not(name):
    given, code = BAD[name]
    with pytest.raises(EquipoiseError) as refused:
        make_comparison(valid(**given))
    assert refused.value.code == code
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(valid(**given))


def test_every_registered_scheme_and_loss_is_in_it():
    named = SCHEMA["$defs"]
    for name, base in (("mixing_rates", Rates), ("class_weights", ClassWeights)):
        listed = [
            each for part in named[name]["anyOf"] for each in part.get("properties", {}).get("name", {}).get("enum", ())
        ]
        assert set(registered(base)) <= set(listed)
    assert set(named["loss"]["anyOf"][0]["enum"]) == {*registered(LabelLoss), *registered(NamedTokenLoss)}


def test_every_key_has_a_description_and_its_default():
    keys = {key.name: key for key in configuration_keys()}
    assert [name for name, key in keys.items() if not key.description] == []
    assert not [name for name, key in keys.items() if "``" in key.description]
    defaults = config_to_dict(make_comparison(valid()))
    for name, key in keys.items():
        here = defaults
        for part in name.split("."):
            here = here.get(part) if isinstance(here, dict) else None
        if "default" in key.schema and "NAME" not in name:
            assert key.default == here, name
    assert [name for name, key in keys.items() if key.required] == ["data", "data.source"]


def test_the_description_of_task_weightings_names_all_of_them():
    from equipoise.losses.tasks import TaskWeighting

    described = {key.name: key.description for key in configuration_keys()}["training.task_weighting"]
    named = re.findall(r"`(\w+)`", described)
    assert set(registered(TaskWeighting)) == set(named) - {"name"}
