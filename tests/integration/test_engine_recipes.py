"""The recipes for other engines in docs/many-files.md, run as they stand there, on two files."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equipoise import Census
from equipoise.data import count_files

PAGE = Path(__file__).parents[2] / "docs" / "many-files.md"
RECIPE = re.compile(r"^```python (?P<name>\w+)_recipe.py\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPES = {found["name"]: found["code"] for found in RECIPE.finditer(PAGE.read_text(encoding="utf-8"))}
SHOW = "\nimport json\nprint('census:', json.dumps(census.to_dict()))\n"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "PYTHONWARNINGS": "ignore"}


def is_missing(module):
    return importlib.util.find_spec(module) is None


def test_both_recipes_are_found():
    assert set(RECIPES) == {"ray", "spark"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ray", marks=pytest.mark.skipif(is_missing("ray"), reason="Ray is not installed")),
        pytest.param(
            "spark",
            marks=pytest.mark.skipif(
                is_missing("pyspark") or shutil.which("java") is None, reason="PySpark or Java is not installed"
            ),
        ),
    ],
)
def test_the_recipe_counts_what_equipoise_counts(tmp_path, name):
    folder = tmp_path / "rows"
    folder.mkdir()
    for part in range(2):
        rows = range(part * 1000, 1000 + part * 2000)
        columns = {
            "task": [f"task {row % 3}" for row in rows],
            "input": ["text"] * len(rows),
            "target": [f"label {row % 7}" for row in rows],
        }
        pq.write_table(pa.table(columns), folder / f"{part}.parquet", row_group_size=300)
    done = subprocess.run(
        [sys.executable, "-c", RECIPES[name] + SHOW],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, **QUIET},
        check=False,
        timeout=500,
    )
    printed = [line for line in done.stdout.splitlines() if line.startswith("census: ")]
    assert printed, done.stderr
    census = Census.from_dict(json.loads(printed[0].removeprefix("census: ")))
    assert census == count_files(folder)
    assert census.total == 3000
