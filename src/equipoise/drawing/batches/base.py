"""The base of all kinds of batches, and how one is made from its name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from equipoise.base import registry
from equipoise.base.values import integer
from equipoise.drawing.drawn import DrawnStream
from equipoise.errors import ConfigError
from equipoise.plan import Plan, Stage
from equipoise.schedule import Drawable

MOST_EXAMPLES = 1 << 24
"""Of a global batch: its draws are computed together."""


@dataclass(frozen=True)
class Batches(ABC):
    """What global batches are made of. A new kind is a frozen dataclass on this, or on `OfSize`, in a file here.

    Attributes
    ----------
    name : str
        As configurations and states name the kind.
    keeps_strata : bool
        Whether draws change places only inside their stratum; `TokenBatches` cannot cut such batches into steps.
    """

    name: ClassVar[str]
    keeps_strata: ClassVar[bool] = False

    @property
    def size(self) -> int | None:
        """Examples of a global batch; None if these batches can be cut anywhere."""
        return None

    @abstractmethod
    def stream(self, stages: Sequence[Stage], seed: int, used: NDArray[np.int64] | None = None) -> DrawnStream:
        """Return the stream of the draws of one or several plans in such batches.

        Parameters
        ----------
        stages : sequence of Stage
            What to draw from which position on. The first begins where the stream does, the others at multiples of
            `size` from there.
        seed : int
            Any integer. Streams of different seeds are unrelated.
        used : ndarray of int64, shape (S,), optional
            Draws of each stratum before the stream.
        """

    @abstractmethod
    def block(self, plan: Plan) -> int:
        """Return the draws at whose multiples, counted from where a plan begins, shares are exact."""

    @abstractmethod
    def pools(self, plan: Drawable, strata: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a number for each draw; draws of one number may change places with each other.

        Parameters
        ----------
        plan : Plan or Schedule
        strata : ndarray of int64, shape (k,)
            Stratum of each draw.

        Returns
        -------
        ndarray of int64, shape (k,)
        """

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the options as plain values.

        Examples
        --------
        >>> from equipoise import Quota
        >>> Quota(32).to_dict()
        {'name': 'quota', 'global_batch': 32}
        """
        return {"name": self.name, **asdict(self)}


@dataclass(frozen=True)
class OfSize(Batches):
    """Base of batches of a fixed number of examples.

    Parameters
    ----------
    global_batch : int
        Examples of an optimiser step of all ranks together: batch size x accumulation x ranks.

    Raises
    ------
    ConfigError
        If it is not an integer from 1 to 2**24.
    """

    global_batch: int

    def __post_init__(self) -> None:
        size = integer("global_batch", self.global_batch)
        if not 1 <= size <= MOST_EXAMPLES:
            raise ConfigError(
                "bad-global-batch",
                f"`global_batch` must be an integer from 1 to 2**24, found {size}. Give the examples of one "
                "step: batch size x accumulation x ranks.",
            )
        object.__setattr__(self, "global_batch", size)

    @property
    def size(self) -> int:
        """Examples of a global batch."""
        return self.global_batch


def make(value: Batches | str | Mapping[str, Any], global_batch: int | None = None) -> Batches:
    """Make batches from their name, or from what `to_dict` returned.

    Parameters
    ----------
    value : Batches, str or mapping
        "quota", {"name": "quota", "global_batch": 32}, or batches, which are returned as they are.
    global_batch : int, optional
        Size of a batch where the kind has one and the value does not give it.

    Raises
    ------
    ConfigError
        If the name or an option is unknown, or an option is missing or out of its range.

    Examples
    --------
    >>> make("one_task", global_batch=8), make("mixed", global_batch=8)
    (OneTask(global_batch=8), Mixed())
    """
    defaults = None if global_batch is None else {"global_batch": global_batch}
    # The registry returns subclasses, never the abstract base itself.
    return registry.make(Batches, value, "batches", ConfigError, defaults=defaults)  # pyright: ignore[reportAbstractUsage]
