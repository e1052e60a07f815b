"""The tests that take the fixture `device`, on the device."""

import os
import re
import subprocess
import sys

from benchmarks.gpu.machine import ROOT, Setting, missing

SECONDS = 120
PROCESSES = 4
# Not those of pyproject.toml: doctests would import modules whose packages may not be there.
OPTIONS = "addopts=--strict-markers --import-mode=importlib"
TAKES_DEVICE = re.compile(r"^def \w+\([^)]*\bdevice\b", re.MULTILINE)


def section(setting: Setting) -> str:
    """Run them by the marker `device`; in tiny sizes one file of them."""
    if absent := missing(["pytest", "hypothesis"]):
        raise ModuleNotFoundError(f"not installed: {', '.join(absent)}")
    files = device_ready()
    command = [sys.executable, "-m", "pytest", "-q", "-m", "device", "-p", "no:cacheprovider", "-o", OPTIONS]
    if setting.quick:
        files = [name for name in files if name.endswith("losses/test_token.py")]
    elif not missing(["xdist"]):
        command += ["-n", str(PROCESSES)]
    log = setting.new_folder() / "tests.log"
    environment = os.environ | {"EQUIPOISE_DEVICE": setting.device}
    late = ""
    with log.open("wb") as output:
        try:
            subprocess.run([*command, *files], cwd=ROOT, env=environment, stdout=output, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            late = f", stopped after {SECONDS} s"
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    shown = "\n".join([*told[:40], lines[-1] if lines else "no output"])
    return f"""## Tests on the device

`EQUIPOISE_DEVICE={setting.device} pytest -m device`, {len(files)} files{late}:

```
{shown}
```"""


def device_ready() -> list[str]:
    """Return the test files with tests or fixtures that take the device."""
    return [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if TAKES_DEVICE.search(path.read_text(encoding="utf-8"))
    ]
