r"""Which strings are one value in two spellings: equal numbers, letters that look the same, `true` and `True`."""

from decimal import Decimal
from typing import Final
from unicodedata import normalize

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import pc

_CHUNK: Final = 1 << 14
# Format characters, and the others that have no shape of their own (Default_Ignorable_Code_Point in Unicode).
_INVISIBLE: Final = (
    r"[\p{Cf}\x{34f}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{2065}\x{3164}\x{fe00}-\x{fe0f}\x{ffa0}"
    r"\x{fff0}-\x{fff8}\x{e0000}-\x{e0fff}]"
)
# The exponent needs its sign, which every program writes: `1e5` and `0e12` are more often codes than numbers.
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]\d{1,3})?$"
_INTEGER: Final = r"^(0|-?[1-9]\d*)$"  # as it is always written: nothing to do
_BOOLEAN: Final = r"^(?i:true|false)$"


def normal_form(texts: pa.Array) -> pa.Array:
    r"""Return the one spelling of strings that are equal in all but their spelling.

    The white space around them is dropped. Of letters, it is the compatibility form of Unicode (NFKC), without
    characters that have no shape, such as the zero-width space. A decimal number is written without plus, leading
    zeros, trailing zeros after the point, and exponent: 3 is also "3.0", "03" and "+3.00", and 0 is also "-0.0"; it is
    exact, so long identifiers are never rounded to each other. "True" and "TRUE" are "true", which 1 is not.

    Parameters
    ----------
    texts : pyarrow.Array of large_string

    Returns
    -------
    pyarrow.Array of large_string

    Examples
    --------
    >>> texts = ["7.0", "-0.0", "1e+3", "1e3", "TRUE", "\ufb01x\u200b", "A"]
    >>> normal_form(pa.array(texts, pa.large_string())).to_pylist()
    ['7', '0', '1000', '1e3', 'true', 'fix', 'A']
    """
    plain = pc.fill_null(pc.string_is_ascii(texts), fill_value=True)
    if not pc.all(plain, min_count=0).as_py():
        other = texts.filter(pc.invert(plain))
        if pc.any(pc.match_substring_regex(other, _INVISIBLE)).as_py():
            other = pc.replace_substring_regex(other, _INVISIBLE, "")
        # Ten times faster than that of Arrow on text that is normalised, as nearly all is.
        letters = [normalize("NFKC", text) for text in other.to_pylist()]
        texts = pc.replace_with_mask(texts, pc.invert(plain), pa.array(letters, pa.large_string()))
    texts = pc.utf8_trim_whitespace(texts)
    for pattern, rewritten in ((_NUMBER, _numbers), (_BOOLEAN, pc.utf8_lower)):
        found = pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False)
        if pc.any(found, min_count=0).as_py():
            texts = pc.replace_with_mask(texts, found, rewritten(texts.filter(found)))
    return texts


def is_decimal(texts: pa.Array) -> bool:
    """Return whether all strings are numbers, and some of them not integers, as measurements and scores are."""
    if not len(texts) or not pc.match_substring_regex(normal_form(texts.slice(0, 1)), _NUMBER)[0].as_py():
        return False
    numbers = normal_form(texts)
    return bool(
        pc.all(pc.match_substring_regex(numbers, _NUMBER)).as_py()
        and not pc.all(pc.match_substring_regex(numbers, _INTEGER)).as_py()
    )


def same_spelling(names: pa.Array) -> NDArray[np.int64]:
    """Find the strings that are equal in all but their spelling, see `normal_form`.

    Parameters
    ----------
    names : pyarrow.Array of large_string, length K
        Distinct strings without nulls; may be very many and long: only those in another spelling are copied.

    Returns
    -------
    ndarray of int64, shape (K,)
        For each string the position of the one that stands for all of its spellings, which is the first when sorted.

    Examples
    --------
    >>> same_spelling(pa.array(["b", "3.0", "3", "a"], pa.large_string())).tolist()
    [0, 2, 2, 3]
    """
    stands_for = np.arange(len(names))
    places: list[NDArray[np.int64]] = []
    forms: list[pa.Array] = []
    for start in range(0, len(names), _CHUNK):
        part = names.slice(start, _CHUNK)
        normal = normal_form(part)
        other = pc.not_equal(normal, part)
        places.append(start + np.flatnonzero(other.to_numpy(zero_copy_only=False)))
        forms.append(normal.filter(other))
    respelled = np.concatenate([np.empty(0, np.int64), *places])
    if not len(respelled):
        return stands_for
    coded = pa.chunked_array(forms).combine_chunks().dictionary_encode()
    of_names = pc.index_in(names, value_set=coded.dictionary).fill_null(-1).to_numpy().copy()
    of_names[respelled] = coded.indices.to_numpy()  # a class for each form of a respelled name
    members = np.flatnonzero(of_names >= 0)
    rank = np.empty(len(members), np.int64)
    rank[pc.sort_indices(names.take(pa.array(members))).to_numpy()] = np.arange(len(members))
    first = np.full(len(coded.dictionary), len(members))
    np.minimum.at(first, of_names[members], rank)
    by_rank = np.empty(len(members), np.int64)
    by_rank[rank] = members
    stands_for[members] = by_rank[first[of_names[members]]]
    return stands_for


def _numbers(texts: pa.Array) -> pa.Array:
    """Write decimal numbers in the one way."""
    texts = pc.replace_substring_regex(texts, r"^(-?)\+?0*(\d+)\.0*$", r"\1\2")  # integers as floats, which are many
    usual = pc.match_substring_regex(texts, _INTEGER)
    if pc.all(usual).as_py():
        return texts
    other = texts.filter(pc.invert(usual))
    return pc.replace_with_mask(texts, pc.invert(usual), pa.array(map(_number, other.to_pylist()), pa.large_string()))


def _number(text: str) -> str:
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)  # the pattern knows no infinity
    written = "".join(map(str, digits))
    if exponent >= 0:
        whole, fraction = written + "0" * exponent, ""
    else:
        written = written.zfill(1 - exponent)
        whole, fraction = written[:exponent], written[exponent:].rstrip("0")
    number = whole.lstrip("0") or "0"
    number = f"{number}.{fraction}" if fraction else number
    return f"-{number}" if sign and number != "0" else number
