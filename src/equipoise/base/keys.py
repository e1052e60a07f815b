"""Keys hashed from all their parts, so that different tuples get different keys (seed + epoch would collide)."""

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

_STRETCH = 1 << 15  # words of a digest that are summed together
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def key(*parts: str | int | None) -> np.uint64:
    """Compute the 64-bit key of the parts, in order: BLAKE2b of their JSON.

    Parameters
    ----------
    *parts : str, int or None
        What the key identifies. ``key("a", 12)`` and ``key("a1", 2)`` differ.

    Returns
    -------
    numpy.uint64

    Examples
    --------
    >>> int(key("stratum", 0, "triage"))
    10498999617184399118
    >>> len({int(key("stratum", seed, "triage")) for seed in range(1000)})
    1000
    """
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def digest(*arrays: NDArray[np.int32] | NDArray[np.int64]) -> str:
    """Compute a digest of long integer arrays, several times faster than a cryptographic hash of their bytes.

    Each stretch of an array is multiplied by fixed odd numbers and summed modulo 2**64, and the sums are hashed by
    SHA-256. Accidental differences change the digest; it is not collision-resistant against an adversary.

    Parameters
    ----------
    *arrays : ndarray of int32 or int64, shape (N,)
        Contiguous. Their order, dtype and length count.

    Returns
    -------
    str
        Hexadecimal digits.

    Examples
    --------
    >>> digest(np.array([1, 2, 3]))[:8], digest(np.array([1, 3, 2]))[:8]
    ('a7cd3fb9', 'f8103be2')
    """
    factors = subkeys(np.uint64(0), np.arange(_STRETCH)) | np.uint64(1)
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(f"{array.dtype.kind}{array.itemsize}:{len(array)};".encode())
        data = array.astype(array.dtype.newbyteorder("<"), copy=False)
        pairs = len(data) * data.itemsize // 8 * 8 // data.itemsize
        words = data[:pairs].view("<u8")
        sums = [
            ((stretch ^ (stretch >> np.uint64(32))) * factors[: len(stretch)]).sum()
            for stretch in (words[at : at + _STRETCH] for at in range(0, len(words), _STRETCH))
        ]
        whole.update(np.array(sums, "<u8").tobytes() + data[pairs:].tobytes())
    return whole.hexdigest()


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Apply the SplitMix64 finaliser, a bijection of the 64-bit integers, to each value.

    Parameters
    ----------
    values : ndarray of uint64, any shape

    Returns
    -------
    ndarray of uint64, same shape

    References
    ----------
    Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators, figure 16.

    Examples
    --------
    >>> mix(np.array([1], dtype=np.uint64))
    array([6238072747940578789], dtype=uint64)
    """
    mixed = (values ^ (values >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def subkeys(base: NDArray[np.uint64] | np.uint64, numbers: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Compute key number ``numbers[i]`` below ``base[i]`` (broadcast), for counters such as a pass or a block.

    Examples
    --------
    >>> subkeys(np.uint64(7), np.arange(3)).shape
    (3,)
    """
    return mix(base + mix((numbers.astype(np.uint64) + np.uint64(1)) * _GOLDEN))
