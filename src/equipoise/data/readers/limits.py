"""Limits on the resources that reading a file of records may take."""

import dataclasses
from typing import Final

from equipoise.errors import ConfigError

FREE_BYTES: Final = 1 << 30
"""Bytes that a compressed file may unpack to, however small it is."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Sizes above which a file is refused.

    Parameters
    ----------
    row_bytes : int
        Longest row of a text file: a line of JSONL, a record of CSV or TSV. At most 1 GiB.
    expansion : int
        Most times that a gzipped or Parquet file may grow when unpacked; 1 GiB is always allowed. Text is compressed
        to a tenth, repeated labels to a hundredth, and an archive made to exhaust the memory to a thousandth.

    Raises
    ------
    ConfigError
        If a limit is not an integer in its range.

    Examples
    --------
    >>> Limits(expansion=1000).row_bytes >> 20
    16
    """

    row_bytes: int = 1 << 24
    expansion: int = 200

    def __post_init__(self) -> None:
        for name, most in (("row_bytes", 1 << 30), ("expansion", 1 << 40)):
            value: object = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                sentence = f"`{name}` of the limits must be an integer from 1 to {most}, found {value!r:.80}."
                raise ConfigError("not-an-integer", sentence)

    def unpacked_bytes(self, size: int) -> int:
        """Return the most bytes that a file of this size on disk may unpack to."""
        return max(FREE_BYTES, size * self.expansion)


DEFAULT_LIMITS: Final = Limits()
