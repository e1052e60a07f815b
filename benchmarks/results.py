"""Write a section of RESULTS.md."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from equipoise.base.files import write_atomically

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = "# Measured results\n\nEach section is written by the command that it names. `make bench` runs them all.\n"


def record(name: str, command: str, packages: Sequence[str], text: str) -> None:
    """Replace the section `name` of RESULTS.md, or add it at the end."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPU cores ({platform.machine()}), no GPU"
    section = f"{start}{text.strip()}\n\n`{command}`; {versions}; {machine}.\n{end}"
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    if start in old:
        before, rest = old.split(start)
        new = before + section + rest.split(end)[1]
    else:
        new = f"{old.rstrip()}\n\n{section}"
    with write_atomically(RESULTS) as temporary:
        temporary.write_text(new, encoding="utf-8")
