"""Broken input by the million: whatever reads it must accept it or raise an error of Equipoise's own."""

import argparse
import collections
import importlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from comparisons.summary import table
from fuzzing.mutations import broken_bytes, broken_json
from fuzzing.targets import Target, targets
from results import record

SECONDS_EACH = 20  # an input that takes longer hangs
GUIDED = ("reader .jsonl", "reader .csv", "reader .parquet", "config", "plan", "plan sampler", "checkpoint")
PACKAGES = ["equipoise", "numpy", "pyarrow", "pyyaml", "atheris"]


@dataclass(frozen=True)
class Row:
    """What came of one target."""

    name: str
    how: str
    inputs: int
    refused: int
    places: int
    seconds: float
    longest: float
    failures: int


class HangsError(BaseException):
    """An input took too long."""


class Tally:
    """Outcomes of one target, and the inputs that made it fail."""

    def __init__(self, name: str, target: Target, crashers: Path, own: type[Exception]) -> None:
        self.name, self.target, self.crashers, self.own = name, target, crashers, own
        self.inputs = self.refused = 0
        self.current = (crashers / "current").open("wb", buffering=0)
        self.sites: collections.Counter[str] = collections.Counter()
        self.failures: dict[str, Path] = {}
        self.longest = 0.0
        signal.signal(signal.SIGALRM, _hang)

    def __call__(self, data: bytes) -> None:
        """Let the target read one input."""
        self.inputs += 1
        self.current.seek(0)
        self.current.write(data)  # what ends the process can be looked at
        self.current.truncate()
        start = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH)
        try:
            self.target.read(data)
        except self.own as error:
            self.refused += 1
            self.sites[_site(error)] += 1
        except (Exception, HangsError) as error:  # noqa: BLE001 - what it looks for
            self._keep(error, data)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.longest = max(self.longest, time.perf_counter() - start)

    def _keep(self, error: BaseException, data: bytes) -> None:
        site = f"{type(error).__name__} at {_site(error)}"
        self.sites[site] += 1
        if site not in self.failures:
            path = self.crashers / f"{self.name.replace(' ', '_')}-{len(self.failures)}"
            path.write_bytes(data)
            self.failures[site] = path
            print(f"{self.name}: {site} ({path})", flush=True)
            traceback.print_exception(error, limit=-4)

    def write(self, report: Path) -> None:
        """Write the counts."""
        counts = {"inputs": self.inputs, "refused": self.refused, "longest": self.longest}
        report.write_text(json.dumps({**counts, "places": len(self.sites), "failures": len(self.failures)}))


def _hang(*_: object) -> None:
    raise HangsError


def _site(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/equipoise/" in frame.filename]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else type(error).__name__


def broken(rng: random.Random, target: Target) -> bytes:
    """Break one valid input, by its structure in half of the cases where it has one."""
    data = rng.choice(target.corpus)
    return broken_json(rng, data) if target.is_json and rng.random() < 0.5 else broken_bytes(rng, data, target.corpus)


def random_child(tally: Tally, inputs: int, seed: int, report: Path) -> None:
    """Break valid input at random."""
    rng = random.Random(f"{seed} {tally.name}")
    for _ in range(inputs):
        tally(broken(rng, tally.target))
    tally.write(report)


def guided_child(tally: Tally, inputs: int, seed: int, report: Path) -> None:
    """Let atheris break input, guided by the branches of Equipoise that it reaches; it ends the process."""
    import atheris

    corpus = report.parent / "corpus"
    corpus.mkdir()
    for number, data in enumerate(tally.target.corpus):
        (corpus / str(number)).write_bytes(data)

    def one(data: bytes) -> None:
        tally(data)
        if tally.inputs % 1000 == 0 or tally.inputs == inputs:
            tally.write(report)

    options = [f"-runs={inputs}", f"-seed={seed + 1}", "-max_len=4096", "-timeout=60", "-rss_limit_mb=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def child(name: str, how: str, inputs: int, seed: int, folder: Path, crashers: Path) -> None:
    """Break the input of one target; a process of its own outlives none that a library ends."""
    if how == "guided":
        import atheris

        for module in [each for each in sys.modules if each.split(".")[0] in {"equipoise", "fuzzing"}]:
            del sys.modules[module]
        with atheris.instrument_imports(include=["equipoise"]):
            importlib.import_module("equipoise.config")
            importlib.import_module("fuzzing.targets")
    module = importlib.import_module("fuzzing.targets")
    own = importlib.import_module("equipoise.errors").EquipoiseError
    (folder / "files").mkdir()
    tally = Tally(name, module.targets(folder / "files")[name], crashers, own)
    part = guided_child if how == "guided" else random_child
    part(tally, inputs, seed, folder / "report.json")


def row(name: str, how: str, inputs: int, options: argparse.Namespace) -> Row:
    """Run one part in a process and give what came of it."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        numbers = [str(inputs), str(options.seed), folder, str(options.crashers)]
        quiet = subprocess.DEVNULL if how == "guided" else None
        done = subprocess.run([sys.executable, __file__, "--child", name, how, *numbers], check=False, stderr=quiet)
        report = Path(folder) / "report.json"
        counts = json.loads(report.read_text()) if report.exists() else None
    if counts is None or (how == "random" and done.returncode):
        print(
            f"{name}: the process ended with {done.returncode}, its input is {options.crashers / 'current'}", flush=True
        )
        counts = counts or {"inputs": 0, "refused": 0, "places": 0, "longest": 0.0, "failures": 0}
        counts["failures"] += 1
    found = Row(name, how, seconds=time.perf_counter() - start, **counts)
    print(found, flush=True)
    return found


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        name, how, inputs, seed, folder, crashers = sys.argv[2:]
        child(name, how, int(inputs), int(seed), Path(folder), Path(crashers))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="of a target of weight 1, broken at random")
    parser.add_argument("--guided", type=int, default=10_000, help="of each target that atheris breaks; 0 for none")
    parser.add_argument("--only", nargs="+", help="targets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crashers", type=Path, default=Path(tempfile.gettempdir()) / "equipoise-crashers")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    options.crashers.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        weights = {name: each.weight for name, each in targets(Path(folder)).items()}
    chosen = [name for name in weights if name in (options.only or weights)]
    rows = [row(name, "random", round(options.inputs * weights[name]), options) for name in chosen]
    if options.guided:
        rows += [row(name, "guided", options.guided, options) for name in GUIDED if name in chosen]
    if not options.no_record:
        record("fuzz", "python benchmarks/fuzz.py", PACKAGES, section(rows, options.seed))


def section(rows: list[Row], seed: int) -> str:
    """The text of the results."""
    inputs, refused, failures = (
        sum(getattr(each, name) for each in rows) for name in ("inputs", "refused", "failures")
    )
    head = ["what reads it", "broken", "inputs", "refused", "places that refused", "seconds", "slowest", "failures"]
    lines = [
        [each.name, each.how, f"{each.inputs:,}", f"{each.refused:,} ({each.refused / max(1, each.inputs):.0%})",
         str(each.places), f"{each.seconds:.0f}", f"{each.longest:.2f}", str(each.failures)]
        for each in rows
    ]  # fmt: skip
    return f"""## Broken input

{inputs:,} inputs made of valid ones by cuts, bit flips, splices, odd values and odd structure (seed {seed});
{refused:,} were refused with an error of Equipoise, the others were still valid. A failure is any other
error, an input that takes longer than {SECONDS_EACH} s, or the end of the process: {failures}. "Guided" inputs are
those of atheris, which follows the branches that they reach. The machine did other work at the same time, so the
seconds say little.

{table(head, lines)}"""


if __name__ == "__main__":
    main()
