"""Encodings of text: which one is meant, and what to advise where bytes are not UTF-8."""

import codecs
import re
from typing import BinaryIO, Final

from equipoise.errors import ConfigError

UTF8: Final = "utf-8"
_SAMPLE: Final = 1 << 20
_FEW_ZEROS: Final = 3
_SHOWN: Final = 60  # characters of a line in the advice
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MULTIBYTE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_WESTERN: Final = "windows-1252"


def encoding_named(name: object) -> str:
    """Return the name of an encoding of text as Python spells it.

    Raises
    ------
    ConfigError
        If there is no such encoding.

    Examples
    --------
    >>> encoding_named("UTF8"), encoding_named("Latin-1")
    ('utf-8', 'iso8859-1')
    """
    try:
        found = codecs.lookup(name) if isinstance(name, str) else None
        if found is not None and "a".encode(found.name):  # a LookupError for one of bytes, such as base64
            return UTF8 if found.name == "utf-8-sig" else found.name
    except (LookupError, ValueError):
        pass
    message = f"`encoding` must be the name of a text encoding, such as utf-8, utf-16 or windows-1252, found {name!r}."
    raise ConfigError("unknown-encoding", message)


def wide_encoding(start: bytes) -> str | None:
    """Return the encoding of text that begins with these bytes, if a mark or the zero bytes tell that it is wide.

    Examples
    --------
    >>> wide_encoding("task".encode("utf-16")), wide_encoding("task".encode("utf-16-be")), wide_encoding(b"task")
    ('utf-16', 'utf-16-be', None)
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    most = max(_FEW_ZEROS, len(start) // 4)  # half of the bytes are zero in plain English text
    if start[1::2].count(0) > most:
        return "utf-16-le"
    return "utf-16-be" if start[::2].count(0) > most else None


def name_encoding(encoding: str) -> str:
    """Return a sentence that says how to read a file in this encoding."""
    return f"Read it with `encoding='{encoding}'`, or save it as UTF-8."


def advice_for(file: BinaryIO, byte: int) -> str:
    """Return what to do about a byte that is not UTF-8, at this offset of a file.

    Encodings of one byte a character cannot be told apart by their bytes. So the line is shown as Windows-1252 (which
    has the printable characters of Latin-1, too) reads it, and whether that is right is for a person to see.
    """
    wide = wide_encoding(file.read(1 << 12))
    if wide is not None:
        return f"The file is {wide.upper()}. {name_encoding(wide)}"
    file.seek(max(0, byte - _SAMPLE // 2))
    before, after = file.read(min(byte, _SAMPLE // 2)), file.read(_SAMPLE // 2)
    others, of_utf8 = _MULTIBYTE.subn(b"", before + after)
    if of_utf8 >= len(_NOT_ASCII.findall(others)):
        return "Other text in the file is UTF-8, so its encodings are mixed or it is damaged here. Repair the line."
    line = before.rpartition(b"\n")[2][-_SHOWN // 2 :] + after.partition(b"\n")[0][: _SHOWN // 2]
    try:
        shown = line.strip().decode(_WESTERN)
    except UnicodeDecodeError:
        return "Save the file as UTF-8, or name the encoding that it was saved in with `encoding='...'`."
    sentence = f"If {shown!r} is what the line should read, use `encoding='{_WESTERN}'`;"
    return f"{sentence} else name the encoding that the file was saved in, or save it as UTF-8."
