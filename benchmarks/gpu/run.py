"""Run everything on one GPU, and write benchmarks/gpu/RESULTS-gpu.md: python -m benchmarks.gpu.run, or make gpu."""

import argparse
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.gpu.machine import NEEDED, ROOT, Setting, complete, described, in_a_line, missing

RESULTS = Path(__file__).with_name("RESULTS-gpu.md")
# Each is a module with a function `section`, and the seconds that it takes at most on a GPU.
SECTIONS = {"device_tests": 125, "speed": 120, "overhead": 40, "scoring": 75, "pretrained": 100}
LIMIT = 8 * 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections; return 0 if all did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that all runs")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--out", type=Path, default=RESULTS, help="file of the results")
    options = parser.parse_args(arguments)
    if absent := missing(NEEDED):
        print(f"not installed: {', '.join(absent)}. Install them, or put them on PYTHONPATH.", file=sys.stderr)
        return 2
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # on several, a Trainer would split the batches over them
    import torch

    if options.device != "cpu" and not torch.cuda.is_available():
        print("torch sees no GPU. With `--device cpu --quick` all is tried in tiny sizes.", file=sys.stderr)
        return 2
    start, done, failed = time.perf_counter(), dict[str, str](), list[str]()
    with tempfile.TemporaryDirectory(prefix="equipoise-gpu-") as made:
        complete(Path(made, "packages"))
        trainings = Path(made, "trainings")
        trainings.mkdir()
        setting = Setting(options.device, options.quick, trainings)
        for name in options.only:
            began = time.perf_counter()
            left = LIMIT - (began - start)
            if left < SECTIONS[name]:
                done[name] = f"## {name}\n\nNot run: {left:.0f} s of {LIMIT:.0f} s were left."
                failed.append(name)
            else:
                done[name] = _section(name, setting, failed)
                done[name] += f"\n\n({name}: {time.perf_counter() - began:.0f} s)"
            print(f"{done[name]}\n", flush=True)
            _write(options.out, options.device, options.quick, done)
    return 1 if failed else 0


def _section(name: str, setting: Setting, failed: list[str]) -> str:
    """Run one, so that the others are not lost where it fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the libraries
            return str(import_module(f"benchmarks.gpu.{name}").section(setting))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        failed.append(name)
        return f"## {name}\n\nFailed: `{in_a_line(error)}`"


def _write(path: Path, device: str, quick: bool, done: dict[str, str]) -> None:
    from equipoise.base.files import write_atomically

    how = f"python -m benchmarks.gpu.run --device {device}{' --quick' if quick else ''}"
    what = "Tiny sizes: the numbers mean nothing.\n\n" if quick else ""
    head = f"# Measured on a GPU\n\n`{how}`, on {time.strftime('%Y-%m-%d')}.\n\n{what}{described(device)}\n"
    with write_atomically(path) as temporary:
        temporary.write_text("\n\n".join([head.rstrip(), *done.values()]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
