"""Long runs: a billion draws at constant memory, ten thousand saved and loaded states."""

from command import run
from comparisons import cycles, soak

COMPARISONS = {"draws": soak, "states": cycles}


if __name__ == "__main__":
    run("soak", __doc__ or "", COMPARISONS)
