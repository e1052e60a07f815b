"""Seconds that the training thread waits for the seal of a checkpoint: sealed there, and in a thread beside it."""

from command import run
from comparisons import sealing

if __name__ == "__main__":
    run("sealing", __doc__ or "", {"seconds": sealing})
