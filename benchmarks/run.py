"""Run every benchmark; each writes its section of RESULTS.md."""

import subprocess
import sys
from pathlib import Path

for name in ("drawing.py", "block_ends.py", "padding.py", "methods.py", "compare.py"):
    subprocess.run([sys.executable, str(Path(__file__).with_name(name))], check=True)
