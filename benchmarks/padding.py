"""Batches by length beside plain shuffling: padding, and training tokens a second. Each writes its section."""

from command import run
from comparisons import padding, token_rate

if __name__ == "__main__":
    run("padding", __doc__ or "", {"waste": padding, "speed": token_rate})
