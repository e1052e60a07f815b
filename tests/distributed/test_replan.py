"""Another plan on two ranks that have read ahead differently: on both from the same position on, or on none."""

import json
from datetime import timedelta
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch.distributed as dist
import torch.multiprocessing as mp
from tests.support.plans import imbalanced

from equipoise import (
    Census,
    LengthSorted,
    Mixed,
    Plan,
    PlanSampler,
    Quota,
    Schedule,
    Shard,
    StratumIndex,
    TokenBatches,
    WeightedSampler,
)
from equipoise.errors import EquipoiseError
from equipoise.loaders import StreamLoader, replan

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
RANKS, BATCH, D = 2, 5, 4000
COUNTS = {"large": {"no": 950, "yes": 50}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}}
PLAN, INDEX = imbalanced()
OTHER, THIRD = (Plan.build(Census.from_counts(COUNTS), "proportional", scheme) for scheme in ("natural", "balanced"))
LENGTHS = np.random.default_rng(0).integers(1, 100, len(INDEX))
DECIDED = 1000  # draws that were trained on when another plan is decided
KINDS = {"quota": 1400, "sorted": 1400, "tokens": 2600}  # and how many there are in all, at least


def make(kind, shard, plan=PLAN):
    """Return a sampler; its blocks are short but with `tokens`."""
    batches = Mixed() if kind == "tokens" else Quota(BATCH * RANKS)
    sampler = PlanSampler(plan, INDEX, 3, D, shard, batches=batches)
    if kind == "sorted":
        return LengthSorted(sampler, LENGTHS, BATCH * RANKS, window=3)
    return TokenBatches(sampler, LENGTHS, 400, RANKS, window=100) if kind == "tokens" else sampler


def load(kind, shard, **options):
    return StreamLoader(
        range(len(INDEX)),
        lambda shard: make(kind, shard),
        batch_size=None if kind == "tokens" else BATCH,
        shard=shard,
        **options,
    )


def drawn(loader, kind, last):
    """Yield the rows of each step until this rank has drawn its part of the first `last` draws."""
    for (batch,) in loader.steps():
        yield batch.tolist()
        position = loader.state_dict()["sampler"]
        if (position["sampler"] if kind != "quota" else position)["position"] >= last:
            return


def changed_while_reading(kind, rank):
    """The second rank has workers, which read ahead."""
    shard = Shard(rank, RANKS)
    workers = {"num_workers": 2, "multiprocessing_context": "fork", "prefetch_factor": 3} if rank else {}
    loader, rows, found = load(kind, shard, **workers), [], {}
    for batch in drawn(loader, kind, KINDS[kind]):
        rows.append(batch)
        if loader.step == (DECIDED // 10 if kind != "tokens" else 30):
            found["earliest"] = loader.sampler.earliest_replan()
            found["begin"] = replan(loader.sampler, OTHER)
            found["state"] = json.dumps(loader.state_dict())
            found["at"] = len(rows)
    resumed = load(kind, shard)
    resumed.load_state_dict(json.loads(found["state"]))
    return found | {"rows": rows, "resumed": list(drawn(resumed, kind, KINDS[kind]))}


def refused(sampler, plan, at=None):
    before = sampler.state_dict()
    try:
        replan(sampler, plan, at=at)
    except EquipoiseError as error:
        return [type(error).__name__, error.code, str(error), sampler.state_dict() == before]
    return None


def refusals(rank):
    """What both ranks were told, by what was wrong on one of them."""

    def read(draws=100):
        sampler = make("quota", Shard(rank, RANKS))
        rows = iter(sampler)
        for _ in range(draws // RANKS):
            next(rows)
        return sampler

    more = Plan.build(Census.from_counts(COUNTS | {"open": 91}))
    wrong = PlanSampler(more, StratumIndex.from_sizes(more), draws_per_epoch=D, shard=Shard(rank, RANKS))
    yield "plan", refused(read(), [OTHER, THIRD][rank])
    yield "no plan", refused(read(), [OTHER, None][rank])
    yield "position", refused(read(), OTHER, [200, 210][rank])
    yield "read beyond", refused(read([100, 300][rank]), OTHER, 200)
    yield "multiple", refused(read(), OTHER, 205)
    yield "no integer", refused(read(), OTHER, 200.0)
    yield "sampler", refused(WeightedSampler([1.0, 2.0], 10) if rank else read(), OTHER)
    yield "counts", refused(wrong if rank else read(), OTHER, 4000)


def work(rank, folder):
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=RANKS, timeout=timedelta(minutes=2)
    )
    found = {kind: changed_while_reading(kind, rank) for kind in KINDS} | {"refused": dict(refusals(rank))}
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(work, (str(folder),), nprocs=RANKS)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(RANKS)]


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_change_where_none_has_read_beyond(ranks, kind):
    first, second = (rank[kind] for rank in ranks)
    assert first["begin"] == second["begin"] == max(first["earliest"], second["earliest"])
    assert kind == "tokens" or first["earliest"] < second["earliest"]  # a window of its own ends at the same block
    assert first["state"] == second["state"]
    course = Schedule([(0, PLAN), (first["begin"], OTHER)])
    alone = list(make(kind, Shard(), course))
    for name, begin in (("rows", 0), ("resumed", first["at"])):
        steps = [sorted(chain(*parts)) for parts in zip(first[name], second[name], strict=True)]
        if kind == "tokens":
            expected = [sorted(chain(*alone[at : at + RANKS])) for at in range(0, len(alone), RANKS)]
        else:
            expected = [sorted(alone[at : at + BATCH * RANKS]) for at in range(0, D, BATCH * RANKS)]
        assert steps == expected[begin : begin + len(steps)]
        assert sum(map(len, steps)) + sum(map(len, expected[:begin])) >= KINDS[kind] > first["begin"]


@pytest.mark.parametrize(
    ("what", "error", "code", "said"),
    [
        ("plan", "ConfigError", "ranks-differ", [OTHER.fingerprint[:12], THIRD.fingerprint[:12], "is 100."]),
        ("no plan", "PlanError", "not-a-plan", ["found a NoneType", "Rank 1", "is 100."]),
        ("position", "ConfigError", "ranks-differ", ["`at`", "200 on rank 0, 210 on rank 1", "is 100."]),
        ("read beyond", "ConfigError", "position-out-of-range", ["from 300", "Rank 1", "is 300."]),
        ("multiple", "ConfigError", "not-a-multiple", ["found 205", "is 100."]),
        ("no integer", "ConfigError", "not-an-integer", ["found 200.0", "is 100."]),
        ("sampler", "ConfigError", "not-a-sampler", ["found a WeightedSampler", "Rank 1", "is 100."]),
        ("counts", "PlanError", "other-counts", ["Rank 1"]),
    ],
)
def test_what_one_rank_refuses_all_refuse(ranks, what, error, code, said):
    first, second = (rank["refused"][what] for rank in ranks)
    assert first == second
    assert first[:2] == [error, code]
    assert [part for part in said if part not in first[2]] == [], first[2]
    assert first[3], "a sampler has changed"
