"""The inner loop of drawing, compiled by numba: the same numbers as `equipoise.drawing.placing`, faster."""

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.drawing.permutation import Permutations
from equipoise.drawing.placing import Ints, Runs

Words = NDArray[np.uint32]
Keys = NDArray[np.uint64]


def place(
    shuffles: Permutations, counts: Ints, runs: Runs, orders: Permutations, starts: Ints, wanted: Ints
) -> tuple[Ints, Ints]:
    """Return stratum and place of the draws at some positions; see `equipoise.drawing.placing.place`."""
    draws = int(shuffles.sizes[0]) * len(counts)
    strata, places = np.empty(draws, np.int64), np.empty(draws, np.int64)
    of_runs = runs.slots, runs.lengths, runs.places
    _place(counts, *_arrays(shuffles), *of_runs, *_arrays(orders), starts, strata, places)
    return (strata, places) if len(wanted) == draws else (strata[wanted], places[wanted])


def shuffled(shuffles: Permutations, of_slot: Ints, out: Ints) -> Ints:
    """Shuffle the values of whole blocks' slots inside each block; see `equipoise.drawing.placing.shuffled`."""
    _shuffled(*_arrays(shuffles), of_slot, out)
    return out


@numba.njit(cache=True, nogil=True)
def _shuffled(sizes: Ints, rounds: Keys, masks: Words, shifts: Words, of_slot: Ints, out: Ints) -> None:
    block = sizes[0]
    images = np.empty(block, np.uint32)
    for number in range(len(sizes)):
        _permute(images, 0, block, rounds[number], masks[number], shifts[number], block)
        base = number * block
        for position in range(block):
            out[base + position] = of_slot[base + images[position]]


def _arrays(of: Permutations) -> tuple[Ints, Keys, Words, Words]:
    """Return the fields; the round keys permutation by permutation, so that those of one share a line of the cache."""
    return of.sizes, np.ascontiguousarray(of.rounds.T), of.masks, of.shifts


@numba.njit(cache=True, nogil=True)
def _place(
    counts: Ints,
    sizes: Ints, rounds: Keys, masks: Words, shifts: Words,
    run_slots: Ints, run_lengths: Ints, run_places: Ints,
    pass_sizes: Ints, pass_rounds: Keys, pass_masks: Words, pass_shifts: Words,
    starts: Ints, strata: Ints, places: Ints,
) -> None:  # fmt: skip
    n_blocks, n_strata = counts.shape
    block = sizes[0]
    images = np.empty(block, np.uint32)
    order = np.empty(block, np.uint32)  # position of the draw in each slot of the block
    stratum_of = np.empty(block, np.uint32)  # stratum of each slot
    filled = np.empty(n_strata, np.int64)
    run = 0
    for number in range(n_blocks):
        base = number * block
        at = 0
        for stratum in range(n_strata):
            filled[stratum] = at
            for _ in range(counts[number, stratum]):
                stratum_of[at] = stratum
                at += 1
        _permute(images, 0, block, rounds[number], masks[number], shifts[number], block)
        for position in range(block):
            stratum = stratum_of[images[position]]
            strata[base + position] = stratum
            order[filled[stratum]] = position
            filled[stratum] += 1
        while run < len(run_slots) and run_slots[run] < base + block:
            length = run_lengths[run]
            _permute(
                images, run_places[run], length, pass_rounds[run], pass_masks[run], pass_shifts[run], pass_sizes[run]
            )
            slot = run_slots[run] - base
            for i in range(length):
                places[base + order[slot + i]] = starts[run] + images[i]
            run += 1


@numba.njit(cache=True, nogil=True)
def _permute(images: Words, first: int, length: int, keys: Keys, mask: np.uint32, shift: np.uint32, size: int) -> None:
    """Write the images of `length` places from `first` on: `Permutations.apply`."""
    for i in range(length):
        images[i] = first + i
    for turn in range(len(keys)):  # round by round over all of them, which compiles to vector instructions
        multiplier, addend = np.uint32(keys[turn] >> np.uint64(32)), np.uint32(keys[turn])
        for i in range(length):
            value = np.uint32(images[i] * multiplier + addend) & mask
            images[i] = value ^ (value >> shift)
    for i in range(length):
        value = images[i]
        while value >= size:
            for turn in range(len(keys)):
                value = np.uint32(value * np.uint32(keys[turn] >> np.uint64(32)) + np.uint32(keys[turn])) & mask
                value = value ^ (value >> shift)
        images[i] = value
