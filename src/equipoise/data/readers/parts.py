"""Parts of a source that several processes can read independently."""

from equipoise.data.readers.jsonl import JsonLines
from equipoise.data.readers.parquet import Parquet
from equipoise.data.readers.source import Source
from equipoise.errors import DataError


def parts_of(source: Source, most_bytes: int) -> list[Source]:
    """Cut a source into parts of about so many bytes on disk, in the order of its rows.

    Parquet is cut between row groups and JSON lines between lines. What cannot be cut, such as a gzipped file or CSV,
    of which a quoted field may hold line ends, is one part.

    Parameters
    ----------
    source : Source
        The source.
    most_bytes : int
        Approximate size of a part.

    Returns
    -------
    list of Source
        At least one. A file that cannot be read is one part; reading it raises the error.
    """
    if not isinstance(source, Parquet | JsonLines):
        return [source]
    try:
        return [*source.cut(most_bytes)]
    except (DataError, OSError):
        return [source]
