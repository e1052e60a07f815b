"""The base of an adapter in every checkpoint: training resumes on the same one."""

from pathlib import Path

from equipoise.models.base_model import Base
from equipoise.trainer.stream import Part


class AdapterBase(Part):
    """Writes what an adapter is trained on into the checkpoints, and compares it when one is resumed.

    Parameters
    ----------
    base : Base or None
        The base model, as it was loaded; None for a model without an adapter, of which nothing is written.
    first : bool
        Whether this is the first rank, the one that writes.
    """

    def __init__(self, base: Base | None, *, first: bool) -> None:
        self._base, self._first = base, first

    def save(self, checkpoint: Path) -> None:
        """Write the record of the base."""
        if self._first and self._base is not None:
            self._base.write(checkpoint)

    def resume(self, checkpoint: Path) -> None:
        """Refuse another base; a RunError names both."""
        if self._base is not None:
            self._base.check(Base.read(checkpoint), checkpoint)
