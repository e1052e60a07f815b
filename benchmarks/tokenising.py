"""Tokenising rows as they are drawn beside all before the first step: start, memory and speed. Writes its sections."""

from command import run
from comparisons import token_start, token_windows

if __name__ == "__main__":
    run("tokenising", __doc__ or "", {"start": token_start, "speed": token_windows})
