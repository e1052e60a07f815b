"""How sources are found and read, apart from their columns."""

import dataclasses
from collections.abc import Mapping

from equipoise.data.columns import split_names
from equipoise.data.readers.encodings import UTF8, encoding_named
from equipoise.data.readers.limits import DEFAULT_LIMITS, Limits
from equipoise.errors import ConfigError


@dataclasses.dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options of `read_records` that are of files and splits.

    Raises
    ------
    ConfigError
        If the delimiter is not one character, the encoding is unknown, or a name is mapped to what is not a split.
    """

    limits: Limits = DEFAULT_LIMITS
    delimiter: str | None = None
    encoding: str = UTF8
    splits: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        given: object = self.delimiter
        delimiter: object = "\t" if given == r"\t" else given  # as it is written on a command line
        if delimiter is not None and not (
            isinstance(delimiter, str)  # pyright: ignore[reportUnnecessaryIsInstance]
            and len(delimiter) == 1
            and delimiter.isascii()
            and delimiter not in '"\r\n'
        ):
            sentence = "`delimiter` must be one ASCII character, such as ; or \\t, and not a quote or a line end"
            raise ConfigError("bad-delimiter", f"{sentence}, found {given!r}.")
        object.__setattr__(self, "delimiter", delimiter)
        object.__setattr__(self, "encoding", encoding_named(self.encoding))
        object.__setattr__(self, "splits", split_names(self.splits))


DEFAULT_OPTIONS = ReadOptions()
