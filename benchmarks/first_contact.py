"""What a newcomer waits for and pays: size of an installation, time to import, time to the help of the command."""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from results import record

ROOT = Path(__file__).parents[1]
PEERS = ("torchdata", "datasets", "grain")
TOOLS = ("pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources")
MEGABYTE = 1e6


def cpu_seconds(*arguments: str) -> float:
    """Run Python on arguments; return its CPU seconds, and those of its threads."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def side_by_side(commands: dict[str, tuple[str, ...]], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each command, each run once a round, after a round that warms the caches."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            seconds = cpu_seconds(*command)
            if number:
                found[name].append(seconds)
    return {name: statistics.median(values) for name, values in found.items()}


def sizes(requirement: str) -> dict[str, float]:
    """Install into an empty environment; return the megabytes of each package, without pip itself."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True, cwd=folder)
        (site,) = Path(folder, "lib").glob("python*/site-packages")
        found: dict[str, float] = {}
        for path in site.iterdir():
            name = path.name.partition("-")[0].removesuffix(".libs").removesuffix(".py")
            if name in TOOLS:
                continue
            files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
            found[name] = found.get(name, 0.0) + sum(each.stat().st_size for each in files) / MEGABYTE
        return found


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round and no installation; records nothing")
    options = parser.parse_args()
    present = [name for name in PEERS if importlib.util.find_spec(name)]
    commands = {
        "python": ("-c", "pass"),
        "import numpy": ("-c", "import numpy"),
        "import pyarrow.compute": ("-c", "import pyarrow.compute"),
        "import equipoise": ("-c", "import equipoise"),
        "from equipoise import Census, Plan, draws": ("-c", "from equipoise import Census, Plan, draws"),
        "equipoise --help": ("-m", "equipoise", "--help"),
        **{f"import {name}": ("-c", f"import {name}") for name in present},
    }
    seconds = side_by_side(commands, 1 if options.quick else 9)
    lines = ["## First contact", "", "| | CPU seconds |", "|---|---|"]
    lines += [f"| `{name}` | {each:.2f} |" for name, each in seconds.items()]
    if not options.quick:
        held = sizes(str(ROOT))
        largest = sorted(held.items(), key=lambda each: -each[1])
        parts = ", ".join(f"{name} {size:.0f} MB" for name, size in largest[:6])
        total = f"{sum(held.values()):.0f} MB with compiled Python files, without pip"
        lines += ["", f"`pip install .` in an empty environment: {total}. The largest: {parts}."]
    lines += [
        "",
        "Medians of nine runs of each, in turn, with warm caches; CPU seconds of the process and its threads.",
    ]
    text = "\n".join(lines)
    print(text)
    if not options.quick:
        record("first_contact", "python benchmarks/first_contact.py", ["numpy", "pyarrow", "typer", *present], text)


if __name__ == "__main__":
    main()
