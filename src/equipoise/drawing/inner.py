"""Which inner loop draws: that of numpy or the compiled one; and the keys of strata."""

import sys
from importlib.util import find_spec
from types import ModuleType

import numpy as np

from equipoise.base.keys import key
from equipoise.census import Stratum
from equipoise.drawing import placing

_COMPILE_AFTER = 1 << 21  # draws after which the second that numba takes to start is worth it


class Inner:
    """The inner loop of drawing, and keys of strata: what the stages of a stream share.

    Parameters
    ----------
    compile_after : int or None
        Draws after which numba is used, where it is installed; where it is loaded already, it is used at once. The
        numbers are the same. None: never.
    """

    def __init__(self, compile_after: int | None = _COMPILE_AFTER) -> None:
        self._loop: ModuleType = placing  # or `compiled`: the same functions, faster
        self._until_compiled = compile_after
        self._keys: dict[tuple[int, Stratum], np.uint64] = {}

    def stratum_key(self, seed: int, stratum: Stratum) -> np.uint64:
        """Return the key of the order of a stratum's examples."""
        if (seed, stratum) not in self._keys:
            self._keys[seed, stratum] = key("stratum", seed, *stratum)
        return self._keys[seed, stratum]

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
