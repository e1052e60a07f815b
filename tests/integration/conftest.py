"""Let the tests of this folder import `hf_jobs`, which is also the script of the distributed tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
