"""Streams in real loaders, and from Hugging Face datasets: each example has one reader, whoever reads."""

import json
from collections import Counter
from functools import partial
from itertools import islice

import pytest
from datasets import Dataset, Features, Value, load_dataset
from tests.support.streams import STRATUM_OF, all_examples, goes_on_everywhere, ids, pipeline, repeated
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from equipoise import Shard
from equipoise.iterable import Parts, ShardedStream, ShuffleBuffer, SourceStream, count_strata

pytestmark = [
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),  # torchdata 0.11 calls it
    pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes:UserWarning"),
]
BATCH = 4


def hf(shards=4):
    return Dataset.from_list(all_examples()).to_iterable_dataset(num_shards=shards)


def of_hf(shards=4, **options):
    return ShuffleBuffer(repeated(hf(shards), **options), 10)


def of_hf_parts(**options):
    return ShuffleBuffer(repeated(Parts.from_hf(hf(9), seed=1), **options), 10)


SOURCES = {"pipeline": partial(pipeline, exhaustion="drop"), "hf": of_hf, "hf_parts": of_hf_parts}


def load(loader, stream, workers, **options):
    return loader(stream, batch_size=BATCH, num_workers=workers, collate_fn=ids, **options)


@pytest.mark.slow
@pytest.mark.parametrize("loader", [DataLoader, StatefulDataLoader])
@pytest.mark.parametrize("workers", [0, 2, 3])
@pytest.mark.parametrize("source", SOURCES)
def test_batches_are_the_same_with_any_number_of_workers(loader, workers, source):
    whole = ids(SOURCES[source]())
    for rank in range(2):
        stream = ShardedStream(SOURCES[source](), Shard(rank, 2), batch_size=BATCH)
        mine = whole[rank::2]
        assert list(load(loader, stream, workers)) == [mine[i : i + BATCH] for i in range(0, len(mine), BATCH)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("world_size", [1, 3])
def test_parts_in_workers(workers, world_size):
    found = Counter()
    for rank in range(world_size):
        stream = ShardedStream(of_hf_parts(), Shard(rank, world_size), by="parts")
        for batch in load(DataLoader, stream, workers):
            found.update(batch)
    assert found == Counter(ids(of_hf_parts()))


@pytest.mark.slow
@pytest.mark.parametrize("by", ["examples", "parts"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_resumes(by, workers):
    def make():
        batch_size = BATCH if by == "examples" else 1
        return load(StatefulDataLoader, ShardedStream(of_hf_parts(), by=by, batch_size=batch_size), workers)

    whole = list(make())
    for done in (1, 2, 7, len(whole) - 3, len(whole) - 2, len(whole) - 1, len(whole)):
        loader = make()
        assert list(islice(loader, done)) == whole[:done]
        state = json.loads(json.dumps(loader.state_dict()))
        resumed = make()
        resumed.load_state_dict(state)
        assert list(resumed) == whole[done:], done


@pytest.mark.slow
@pytest.mark.parametrize("by", ["examples", "parts"])
def test_a_stateful_loader_whose_workers_stay_resumes_in_a_later_epoch(by):
    def make():
        stream = ShardedStream(of_hf_parts(), by=by, batch_size=BATCH if by == "examples" else 1)
        return load(StatefulDataLoader, stream, 2, persistent_workers=True)

    loader = make()
    _, whole = list(loader), list(loader)
    for done in (0, 1, 2, 5, len(whole) - 1):
        loader = make()
        first, reading = list(loader), iter(loader)
        assert first != whole
        assert list(islice(reading, done)) == whole[:done]
        resumed = make()
        resumed.load_state_dict(json.loads(json.dumps(loader.state_dict())))
        assert list(resumed) == whole[done:], done


@pytest.mark.slow
@pytest.mark.parametrize("persistent", [False, True])
def test_epochs_in_workers(persistent):
    stream = ShardedStream(of_hf(), batch_size=BATCH)
    loader = load(DataLoader, stream, 2, persistent_workers=persistent)
    alone = of_hf()
    for epoch in range(3):
        stream.set_epoch(epoch)  # workers that stay count themselves, those that are new are told
        assert [example for batch in loader for example in batch] == ids(alone), epoch


@pytest.mark.parametrize("shards", [1, 4])
def test_a_hugging_face_stream_goes_on_everywhere(shards):
    goes_on_everywhere(lambda: of_hf(shards), epochs=2, at=range(0, 400, 7))
    goes_on_everywhere(lambda: SourceStream(hf(shards)), epochs=2, at=range(0, 200, 3))


def test_it_is_resumed_by_its_own_state():
    read = []

    def seen(example):
        read.append(example["id"])
        return example

    n = 6000
    examples = Dataset.from_list([{"id": i} for i in range(n)]).to_iterable_dataset(num_shards=3)
    stream = SourceStream(examples.map(seen))
    whole = ids(stream)
    stream.begin(0)
    for done in (1023, 1024, 1025, 3500, n):
        for _ in islice(stream, done):
            pass
        resumed = SourceStream(examples.map(seen))
        resumed.load_state_dict(json.loads(json.dumps(stream.state_dict())))
        read.clear()
        assert ids(resumed) == whole[done:]
        assert len(read) <= n - done + 1025, "what lies before is not read again"
        assert ids(resumed) == whole, "the next pass begins at the beginning"


def test_files_and_labels_that_are_numbers(tmp_path):
    for number in range(3):
        lines = [json.dumps({"text": f"{number}.{i}", "label": i % 4 == 0}) for i in range(20)]
        (tmp_path / f"{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    files = sorted(map(str, tmp_path.glob("*.jsonl")))
    features = Features({"text": Value("string"), "label": Value("int64")})
    dataset = load_dataset("json", data_files=files, split="train", streaming=True, features=features)
    assert len(Parts.from_hf(dataset)) == 3
    stratum_of = type(STRATUM_OF)("label", task="triage")
    census = count_strata(Parts.from_hf(dataset), stratum_of)
    assert dict(zip(census.strata, census.counts.tolist(), strict=True)) == {("triage", "0"): 45, ("triage", "1"): 15}
