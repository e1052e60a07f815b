"""Which inner loop draws: that of numpy or the compiled one; and the keys of the strata of a stream."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import key
from equipoise.census import Stratum
from equipoise.drawing import placing

_COMPILE_AFTER = 1 << 21  # draws after which the second that numba takes to start is worth it


class Inner:
    """The inner loop of drawing, and the keys of strata: what the stages of one stream share.

    Parameters
    ----------
    compile_after : int or None
        Draws after which numba is used, where it is installed; where it is loaded already, it is used at once. The
        numbers are the same. None: never.
    """

    def __init__(self, compile_after: int | None = _COMPILE_AFTER) -> None:
        self._loop: ModuleType = placing  # or `compiled`: the same functions, faster
        self._until_compiled = compile_after
        self._keys: NDArray[np.uint64] | None = None

    def stratum_keys(self, seed: int, strata: Sequence[Stratum]) -> NDArray[np.uint64]:
        """Return the keys of the order of the examples of each stratum, computed for the first stage alone."""
        if self._keys is None:
            self._keys = np.array([key("stratum", seed, *stratum) for stratum in strata], dtype=np.uint64)
        return self._keys

    def for_draws(self, draws: int) -> ModuleType:
        """Return the loop for some further draws."""
        if self._until_compiled is not None:
            self._until_compiled -= draws
            if self._until_compiled <= 0 or "numba" in sys.modules:
                self._until_compiled = None  # looked for once
                if find_spec("numba"):
                    from equipoise.drawing import compiled  # noqa: PLC0415 - numba is optional, and slow to import

                    self._loop = compiled
        return self._loop
