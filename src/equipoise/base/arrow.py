"""Arrow's compute functions.

pyarrow makes them while it is imported, so a type checker does not see them under their own name.
"""

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute
