"""Plans and labels to draw with."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from equipoise import Census, Plan, rates, weights

from .shares import power_law


def names(n: int) -> list[str]:
    """Names of n strata or sources, in the order in which a plan sorts them."""
    return [f"{number:06d}" for number in range(n)]


def census_of(counts: NDArray[np.int64]) -> Census:
    """Make one task's census: the i-th label has the i-th count."""
    return Census.from_counts({"task": dict(zip(names(len(counts)), counts.tolist(), strict=True))})


def balanced(census: Census) -> Plan:
    """Draw each label of a task equally often."""
    return Plan.build(census, rates="proportional", weights=weights.InverseFrequency())


def mixture(shares: NDArray[np.float64], rows_of_each: int = 1_000_000) -> Plan:
    """Draw open-ended tasks with these shares."""
    tasks = names(len(shares))
    return Plan.build(
        Census.from_counts(dict.fromkeys(tasks, rows_of_each)),
        weights="natural",
        rates=rates.Fixed(dict(zip(tasks, shares.tolist(), strict=True))),
    )


def power_law_counts(rows: int, n_strata: int) -> NDArray[np.int64]:
    """Cut rows into strata in proportion to 1, 1/2, 1/3, ..., at least one row each."""
    counts = np.maximum((power_law(n_strata) * rows).astype(np.int64), 1)
    counts[0] += rows - counts.sum()
    return counts


def equal_counts(rows: int, n_strata: int) -> NDArray[np.int64]:
    """Cut rows into strata of equal size, the first ones a row larger."""
    return rows // n_strata + (np.arange(n_strata) < rows % n_strata)


def shuffled_codes(counts: NDArray[np.int64], dtype: DTypeLike = np.int64) -> NDArray[np.integer]:
    """Code of each row, the rows in random order."""
    narrow = np.uint8 if len(counts) <= 256 else np.uint16
    codes = np.repeat(np.arange(len(counts), dtype=narrow), counts)
    np.random.default_rng(0).shuffle(codes)
    return codes.astype(dtype)
