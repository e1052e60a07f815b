"""What planning costs each of 64 ranks in a step, without a model."""

from command import run
from comparisons import ranks

if __name__ == "__main__":
    run("ranks", __doc__ or "", {"steps": ranks})
