"""A stream that is read in order, in loops: what each step holds follows from the stream alone."""

from itertools import islice

from datasets import Dataset

from equipoise.iterable import ShardedStream, ShuffleBuffer
from tests.support.loaders import STEP
from tests.support.streams import all_examples, repeated

NUMBERS = {example["id"]: number for number, example in enumerate(all_examples())}


def undivided():
    """Repeated by the plan and shuffled, from a dataset of Hugging Face that is streamed; an epoch is 4.5 steps."""
    return ShuffleBuffer(repeated(Dataset.from_list(all_examples()).to_iterable_dataset(num_shards=3)), 10)


def number_of(example):
    return NUMBERS[example["id"]]


def stream(**options):
    """Its examples as numbers, which a loader stacks."""
    return ShardedStream(undivided(), transform=number_of, **options)


def steps_read(last, first=0):
    """Numbers in each optimiser step, sorted, from the step `first` to before `last`."""
    made, numbers = undivided(), []
    while len(numbers) < last * STEP:
        numbers += map(number_of, made)
    return [sorted(numbers[at * STEP : (at + 1) * STEP]) for at in range(first, last)]


def epochs_end(last):
    """Whether examples of two epochs are in each of the steps to before `last`."""
    made, ends = undivided(), [0]
    while ends[-1] < last * STEP:
        ends.append(ends[-1] + len(list(made)))
    return [any(at * STEP < end < (at + 1) * STEP for end in ends) for at in range(last)]


def steps_taken(loader, last):
    """Numbers in each optimiser step of this rank, to before the step `last`."""
    import torch

    return [torch.cat(batches).tolist() for batches in islice(loader.steps(), last - loader.step)]
