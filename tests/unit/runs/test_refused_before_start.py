"""What the tokenizer of the model cannot handle is refused before a run or a comparison writes anything."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.errors import raises

from equipoise.compare.engine import compare
from equipoise.config import make_comparison, make_config
from equipoise.errors import ConfigError, DataError, EquipoiseError
from equipoise.runs.train import train

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning")


def settings(folder: Path, labels: tuple[str, str], words: int = 1, **options: Any) -> dict[str, Any]:
    splits = ("train", "validation", "test")
    lines = [
        {"task": "t", "input": f"{'fever ' * words}{row}", "target": labels[row // 3 % 2], "split": splits[row % 3]}
        for row in range(60)
    ]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return {"data": {"source": str(path)}, **options}


CASES: dict[str, tuple[type[EquipoiseError], str, dict[str, Any]]] = {
    "characters": (DataError, "same-tokens", {"labels": ("阳性", "阴性")}),
    "spaces": (DataError, "same-tokens", {"labels": ("a  b", "a b")}),
    "a label loss": (
        DataError,
        "same-tokens",
        {"labels": ("<38", "≥38"), "training": {"loss": {"name": "cross_entropy", "level": "label"}}},
    ),
    "verbalisers": (
        DataError,
        "same-tokens",
        {"labels": ("a", "b"), "tasks": {"t": {"verbalisers": {"a": "↑", "b": "↓"}}}},
    ),
    "a long label": (DataError, "label-too-long", {"labels": ("no", "yes " * 20 + "."), "training": {"max_target": 8}}),
    "a long prompt": (
        ConfigError,
        "prompt-too-long",
        {
            "labels": ("no", "yes"),
            "words": 20,
            "training": {"max_input": 8},
            "tasks": {"t": {"prompt": "{input} Question: is this urgent, yes or no?"}},
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_is_refused_before_it_writes(tmp_path: Path, case: str) -> None:
    kind, code, options = CASES[case]
    with raises(kind, code):
        train(make_config(settings(tmp_path, **options)), tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize("case", CASES)
def test_a_comparison_is_refused_before_it_writes(tmp_path: Path, case: str) -> None:
    kind, code, options = CASES[case]
    given = settings(tmp_path, **options)
    config = make_comparison(given | {"plan": {**given.get("plan", {}), "draws": 320}})
    with raises(kind, code):
        compare(config, tmp_path / "comparison", command="equipoise compare", log=lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]
