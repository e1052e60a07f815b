"""A pretrained decoder-only model: all labels behind one input, beside each label by itself; some steps."""

from command import run
from comparisons import shared_input

if __name__ == "__main__":
    run("decoder_only", __doc__ or "", {"smollm2": shared_input})
