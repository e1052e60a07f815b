"""Break valid input: bytes of any format, and JSON by its structure."""

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

TOKENS = (
    b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b[2J", b"\n", b"\r", b"\t", b'"', b"'", b",",
    b"\\", b"{", b"}", b"[", b"]", b":", b"- ", b"&a ", b"*a", b"<<: *a",
    b"!!python/object/apply:os.system [id]", b"!!int x",
    b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-0", b"\\ud800", b"\\u0000", b"null", b"true", b"[" * 300,
    b"{a: " * 80, b'{"a":' * 300, b"~", b"%YAML 9.9\n---\n", b"...", b"? ", b"| ", b"nan", b"\xe2\x80\xae", b"PAR1",
    b"\x1f\x8b\x08",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, 2**31, 2**53 + 1, 2**59, 2**60, 2**63, 2**64, 10**40, -(2**70),
    "", "a", "\x1b[2J", "\x00", "{input}", "{input.__class__}", "no", "natural", "Mixed", "Quota", [], {}, [[]], [None],
    {"a": 1}, {"name": "clipped"}, {"name": "power", "gamma": "x"}, {"name": "quota", "global_batch": 2**40},
    "x" * 3000,
)  # fmt: skip


def broken_bytes(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Cut, flip, splice, repeat or insert, one to four times."""
    for _ in range(rng.randint(1, 4)):
        data = _broken_once(rng, data, others)
    return data


def _broken_once(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(data))
    end = min(len(data), at + rng.randint(0, 64))
    match rng.randint(0, 7):
        case 0:
            return data[:at]
        case 1 if at < len(data):
            return data[:at] + bytes([data[at] ^ (1 << rng.randint(0, 7))]) + data[at + 1 :]
        case 2 if at < len(data):
            return data[:at] + bytes([rng.randint(0, 255)]) + data[at + 1 :]
        case 3:
            other = rng.choice(others)
            return data[:at] + other[rng.randint(0, len(other)) :]
        case 4:
            return data[:at] + data[end:]
        case 5:
            return data[:end] + data[at:end] * rng.randint(1, 8) + data[end:]
        case 6:
            return data[:at] + rng.choice(TOKENS) + data[end:]
        case _:
            return data[:at] + rng.choice(TOKENS) + data[at:]


def broken_json(rng: random.Random, text: bytes) -> bytes:
    """Replace, remove, add or exchange values one to three times; what comes out is JSON."""
    value = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(value))
        if not places:
            break
        holder, key = rng.choice(places)
        match rng.randint(0, 5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[rng.choice(("a", "", "version", "\x1b[2J"))] = copy.deepcopy(rng.choice(VALUES))
            case 1 | 2:
                other, place = rng.choice(places)
                holder[key] = copy.deepcopy(other[place])
            case 3 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(rng.choice(VALUES)))
            case 3 | 4 if type(holder[key]) is int:
                holder[key] += rng.choice((-1, 1, 2**20, -(2**20)))
            case _:
                holder[key] = copy.deepcopy(rng.choice(VALUES))
    return json.dumps(value).encode()


def _places(value: Any) -> Any:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
