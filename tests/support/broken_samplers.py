"""A sampler that keeps every promise, in plain Python, and one that breaks each."""

import hashlib
import random

import numpy as np

ONCE, TWICE, NEVER = 40, 20, 4  # rows drawn once in an epoch, twice, and never
EXPECTED = [1] * ONCE + [2] * TWICE + [0] * NEVER
GROUPS = [0] * ONCE + [1] * TWICE + [2] * NEVER
DRAWS = ONCE + 2 * TWICE


class Good:
    """Every row of an epoch in the order of (seed, epoch), the second pass of a group after its first."""

    def __init__(self, seed, rank, world_size):
        self.seed, self.rank, self.world_size = seed, rank, world_size
        self.epoch = self.start = 0
        self.reading = (0, 0)  # epoch, and items of this rank that were yielded in it

    def order(self, epoch):
        return self.shuffled(np.random.default_rng([self.seed, epoch]))

    def shuffled(self, rng):
        once = iter(rng.permutation(ONCE).tolist())
        twice = iter([ONCE + row for _ in range(2) for row in rng.permutation(TWICE).tolist()])
        return [next((once, twice)[group]) for group in rng.permutation([0] * ONCE + [1] * 2 * TWICE)]

    def mine(self, epoch):
        return self.order(epoch)[self.rank :: self.world_size]

    def __len__(self):
        return DRAWS // self.world_size

    def __iter__(self):
        epoch, start = self.reading = self.epoch, self.start
        for place, row in enumerate(self.mine(epoch)[start:], start + 1):
            self.reading = epoch, place
            yield row
        self.finish(epoch)

    def finish(self, epoch):
        self.epoch, self.start = epoch + 1, 0

    def set_epoch(self, epoch):
        if epoch != self.epoch:
            self.epoch, self.start = epoch, 0

    def state_dict(self):
        epoch, place = self.reading
        return {"seed": self.seed, "epoch": epoch, "draws": place * self.world_size}

    def load_state_dict(self, state):
        if set(state) != {"seed", "epoch", "draws"} or any(type(value) is not int for value in state.values()):
            raise ValueError(state)
        if state["seed"] != self.seed:
            raise ValueError(state["seed"])
        self.take(state)

    def take(self, state):
        self.epoch, self.start = self.reading = state["epoch"], state["draws"] // self.world_size


class WrongLength(Good):
    def __len__(self):
        return super().__len__() - 1


class Shrinks(Good):
    def mine(self, epoch):
        return super().mine(epoch)[: DRAWS // (epoch + 1)]


class NumpyValues(Good):
    def mine(self, epoch):
        return list(np.array(super().mine(epoch)))


class Negative(Good):
    def mine(self, epoch):
        return [row - len(EXPECTED) for row in super().mine(epoch)]


class ReadsGlobalState(Good):
    def order(self, epoch):
        state = hashlib.blake2b(repr(random.getstate()).encode()).digest()
        return self.shuffled(np.random.default_rng([self.seed, epoch, *state]))


class SeedsGlobally(Good):
    def order(self, epoch):
        np.random.seed(self.seed)  # noqa: NPY002 - that is what is broken
        return super().order(epoch)


class DropsTheSeed(Good):
    def order(self, epoch):
        return self.shuffled(np.random.default_rng([0 if epoch else self.seed, epoch]))


class HasTheSameEpochTwice(Good):
    def order(self, epoch):
        return super().order(1 if epoch == 2 else epoch)


class RepeatsItself(Good):
    def finish(self, epoch):
        self.start = 0


class AddsSeedAndEpoch(Good):
    def order(self, epoch):
        return self.shuffled(np.random.default_rng(self.seed + epoch))


class IgnoresSetEpoch(Good):
    def set_epoch(self, epoch):
        pass


class DrawsTheExcluded(Good):
    def shuffled(self, rng):
        order = super().shuffled(rng)
        order[rng.integers(DRAWS)] = len(EXPECTED) - 1
        return order


class WrongShares(Good):
    def shuffled(self, rng):
        return rng.permutation([*range(ONCE), *range(ONCE // 2), *range(ONCE, ONCE + TWICE)]).tolist()


class FavoursOneRow(Good):
    """The group keeps its share."""

    def shuffled(self, rng):
        return [0 if row in {1, 2, 3} else row for row in super().shuffled(rng)]


class DrawsWithReplacement(Good):
    def shuffled(self, rng):
        twice = iter((ONCE + rng.integers(TWICE, size=DRAWS)).tolist())
        return [next(twice) if row >= ONCE else row for row in super().shuffled(rng)]


class UnequalRanks(Good):
    def mine(self, epoch):
        order, mine = self.order(epoch), super().mine(epoch)
        if self.world_size > 1 and self.rank == self.world_size - 1:
            return [*mine[:-1], *order[-2:]]
        return mine[:-1] if self.rank == self.world_size - 2 else mine


class RanksDrawAlone(Good):
    def order(self, epoch):
        return self.shuffled(np.random.default_rng([self.seed, epoch, self.rank]))


class RankSeedsCollide(Good):
    def mine(self, epoch):
        number = self.seed * self.world_size + self.rank
        return self.shuffled(np.random.default_rng([number, epoch]))[: len(self)]


class Contiguous(Good):
    def mine(self, epoch):
        return self.order(epoch)[self.rank * len(self) : (self.rank + 1) * len(self)]


class Alternates(Good):
    def shuffled(self, rng):
        order = super().shuffled(rng)
        once, twice = [row for row in order if row < ONCE], [row for row in order if row >= ONCE]
        return [row for pair in zip(once, twice, strict=True) for row in pair]


class EvenPlacesHaveNoSeed(Good):
    def order(self, epoch):
        order = self.shuffled(np.random.default_rng(epoch))
        order[1::2] = np.random.default_rng([self.seed, epoch]).permutation(order[1::2]).tolist()
        return order


class ResumesEarly(Good):
    def take(self, state):
        super().take({**state, "draws": max(0, state["draws"] - self.world_size)})


class ForgetsTheEpoch(Good):
    def take(self, state):
        super().take({**state, "epoch": 0})


class EpochAnewOnNaming(Good):
    def set_epoch(self, epoch):
        self.epoch, self.start = epoch, 0


class CountsItsOwnDraws(Good):
    def state_dict(self):
        return {**super().state_dict(), "draws": self.reading[1]}

    def take(self, state):
        super().take({**state, "draws": state["draws"] * self.world_size})


class NoJson(Good):
    def state_dict(self):
        return {name: complex(value) for name, value in super().state_dict().items()}

    def load_state_dict(self, state):
        super().load_state_dict({name: int(value.real) for name, value in state.items()})


class JsonChangesIt(Good):
    """JSON makes the keys of the inner dict strings."""

    def state_dict(self):
        state = super().state_dict()
        return {**state, "draws": {0: state["draws"]}}

    def load_state_dict(self, state):
        super().load_state_dict({**state, "draws": dict(state["draws"]).get(0, 0)})


class KeepsWhatItYielded(Good):
    def state_dict(self):
        state = super().state_dict()
        return {**state, "yielded": [0] * (state["epoch"] * DRAWS + state["draws"])}

    def load_state_dict(self, state):
        if not isinstance(state["yielded"], list):
            raise TypeError(state)
        super().load_state_dict({name: value for name, value in state.items() if name != "yielded"})


class DisturbedBySaving(Good):
    saves = 0

    def state_dict(self):
        self.saves += 1
        return super().state_dict()

    def order(self, epoch):
        order = super().order(epoch)
        return order[::-1] if self.saves > DRAWS / 2 else order


class LiveState(Good):
    def __init__(self, seed, rank, world_size):
        super().__init__(seed, rank, world_size)
        self.state = {}

    def state_dict(self):
        self.state.update(super().state_dict())
        return self.state

    def __iter__(self):
        for row in super().__iter__():
            self.state_dict()
            yield row


class TakesAnySeed(Good):
    def load_state_dict(self, state):
        seed = self.seed if type(state["seed"]) is int else state["seed"]
        super().load_state_dict({**state, "seed": seed})


class TakesAnyKeys(Good):
    def load_state_dict(self, state):
        super().load_state_dict({**self.state_dict(), **{k: v for k, v in state.items() if k in self.state_dict()}})


class TakesAnyValues(Good):
    def load_state_dict(self, state):
        super().load_state_dict({key: self.seed if value == "text" else value for key, value in state.items()})


class LoadsHalf(Good):
    def load_state_dict(self, state):
        self.start = int(state["draws"]) // self.world_size
        super().load_state_dict(state)
