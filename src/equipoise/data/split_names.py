"""The three splits and the names that are used for them."""

from typing import Final

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.errors import DataError

SPLITS: Final = ("train", "validation", "test")
_CANONICAL: Final = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
}


def check_split(split: str | None) -> None:
    """Raise a DataError unless this is the name of a split, or None."""
    if split is not None and split not in SPLITS:
        raise DataError("unknown-split", f"`split` must be one of {', '.join(SPLITS)}, found {split!r}.")


def canonical_splits(names: pa.ChunkedArray) -> pa.ChunkedArray:
    """Map every name of a split to "train", "validation" or "test", whatever its case.

    Parameters
    ----------
    names : pyarrow.ChunkedArray
        Names of splits; nulls stay null.

    Returns
    -------
    pyarrow.ChunkedArray
        The canonical names; null where the name is not known.

    Examples
    --------
    >>> canonical_splits(pa.chunked_array([["Train", "dev", "holdout"]])).to_pylist()
    ['train', 'validation', None]
    """
    known = pa.array(_CANONICAL.keys(), pa.large_string())
    canonical = pa.array(_CANONICAL.values(), pa.large_string())
    plain = pc.cast(pc.utf8_lower(pc.utf8_trim_whitespace(names)), pa.large_string())
    return pc.take(canonical, pc.index_in(plain, value_set=known))
