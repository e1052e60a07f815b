"""Columns of the first rows of data, by whose values they are judged."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import as_text, is_blank, pc
from equipoise.data.infer import infer_kind
from equipoise.data.readers.source import Source
from equipoise.errors import DataError

_ROWS: Final = 20_000  # that are looked at
_MOST_SCORES: Final = 20  # more different numbers are measurements, such as ages
_NUMBER: Final = r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$"


@dataclasses.dataclass(frozen=True)
class SampledColumn:
    """What a column holds: the values of the first rows, how often each occurs, and in which rows.

    Attributes
    ----------
    name : str
        Its name.
    values : pyarrow.Array of large_string
        The different values.
    codes : ndarray of int64, shape (N,)
        The place in `values` of each row's; -1 where it is blank.
    length : float
        The mean length of a value, in characters.
    """

    name: str
    values: pa.Array
    codes: NDArray[np.int64]
    length: float

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """The number of rows of each value."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))

    @property
    def blanks(self) -> int:
        """The number of rows without a value."""
        return int((self.codes < 0).sum())

    @property
    def plain_name(self) -> str:
        """The name in small letters, with underscores."""
        return plain(self.name)

    @property
    def rows(self) -> int:
        """The number of rows with a value."""
        return int(self.counts.sum())

    @property
    def is_label(self) -> bool:
        """Whether the values look like labels: at least two, which repeat, and which are no measurements."""
        if len(self.counts) < 2 or infer_kind(self.counts)[0] != "classification":
            return False
        return len(self.counts) <= _MOST_SCORES or not pc.all(pc.match_substring_regex(self.values, _NUMBER)).as_py()

    @property
    def is_unique(self) -> bool:
        """Whether no value repeats."""
        return len(self.counts) == self.rows

    @property
    def is_text(self) -> bool:
        """Whether the values look like texts: words rather than numbers or single words."""
        spaces = pc.mean(pc.cast(pc.match_substring(self.values, " "), pa.float64())).as_py()
        return bool(spaces is not None and spaces > 0.5)


def plain(name: str) -> str:
    """Return a name in small letters, with underscores.

    Examples
    --------
    >>> plain("Patient ID")
    'patient_id'
    """
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def sample_columns(sources: Sequence[Source], names: Sequence[str]) -> list[SampledColumn]:
    """Return columns of the first rows of some sources; NaN is no value.

    Raises
    ------
    DataError
        If a source cannot be read.
    """
    texts: dict[str, list[pa.ChunkedArray]] = {name: [] for name in names}
    left = _ROWS
    for source in sources:
        whole = dataclasses.replace(source, nullable=frozenset(names))
        for batch in whole.batches([], names):
            for name in batch.column_names:
                column = batch.column(name).slice(0, left)
                texts[name].append(as_text(column, partial(_wrong, source, name)))
            left -= batch.num_rows
            if left <= 0:
                break
        if left <= 0:
            break
    return [_column(name, parts) for name, parts in texts.items() if parts]


def _column(name: str, parts: Iterable[pa.ChunkedArray]) -> SampledColumn:
    column = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.large_string())
    kept = pc.if_else(is_blank(column), pa.scalar(None, pa.large_string()), column)
    encoded = kept.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return SampledColumn(name, encoded.dictionary, codes, pc.mean(pc.utf8_length(kept)).as_py() or 0.0)


def _wrong(source: Source, name: str, _: int | None, problem: str) -> DataError:
    return source.error("bad-value", f"column `{name}` {problem}")
