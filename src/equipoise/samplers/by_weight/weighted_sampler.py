"""A torch sampler by one weight for each row: what WeightedRandomSampler does, distributed, resumable, of any size."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from equipoise.base.states import differences
from equipoise.base.values import boolean, integer
from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.samplers.by_weight.alias import AliasStream
from equipoise.samplers.by_weight.classes import ClassStream, distinct_values
from equipoise.samplers.by_weight.systematic import SystematicStream, check_inclusion
from equipoise.samplers.by_weight.weights import Weights, checked_weights, fingerprint
from equipoise.samplers.epochs import POSITION, REBUILD, EpochSampler


class WeightedSampler(EpochSampler):
    """Row numbers in proportion to a weight for each row, for `torch.utils.data.DataLoader`.

    Takes the arguments of `torch.utils.data.WeightedRandomSampler`, `generator` by its name, and draws what that
    promises. There is one endless stream of draws, f(weights, seed, position): epoch e starts at position
    ``e * num_samples``, and a rank takes every ``world_size``-th position, starting at ``rank``. Ranks do not
    communicate, and torch's and numpy's global random numbers are not used.

    Parameters
    ----------
    weights : list, ndarray or tensor of numbers, shape (N,)
        Not negative, finite, not all zero; they need not sum to 1. Rows of weight 0 are never drawn. N is at most
        2**32.
    num_samples : int
        Draws of all ranks together in an epoch; a multiple of the world size.
    replacement : bool, default True
        True: independent draws, each row with probability ``weight / sum``. False: no row twice in an epoch, and each
        row in an epoch with probability ``num_samples * weight / sum``.
    seed : int, default 0
        Any integer; the same on all ranks.
    shard : Shard, default Shard(0, 1)
        The part of this process. Under accelerate and Trainer leave the default: they slice batches themselves.
    generator : torch.Generator, optional
        Instead of `seed`: the seed is its ``initial_seed()``, that of its last ``manual_seed``. It is not advanced, and
        how far it was does not matter.

    Raises
    ------
    ConfigError
        If nothing can be drawn by the weights, if the epoch is empty or cannot be split evenly over the ranks, or if
        without replacement a row would have to be drawn more than once in an epoch.

    See Also
    --------
    PlanSampler : exact shares of tasks and labels, and no row of a stratum repeated before all were drawn.

    Notes
    -----
    Probabilities are multiples of 2**-60. Where weights have at most 4,096 distinct positive values, rows of equal
    weight are a class; a class is drawn by its mass and then one of its rows uniformly (4 bytes a row are kept).
    Otherwise an alias table is made (12 bytes a row). A row's probability is within 1.4 * 2**-60 of ``weight / sum``,
    and no positive weight is lost: a row (or class) too small for 2**-60 gets it, at the expense of the others.

    Without replacement 8 bytes a row and 4 a draw are kept, and each epoch begins with one pass over all rows. Rows are
    in epochs exactly in proportion to integers that sum to ``num_samples`` times a power of two, about 2**60; a share
    above 1 by less than one part in 2**48, the rounding of weights such as 1/3, counts as 1.

    The weights are read once and not kept; `replan` is the one way to change them. Where `load_state_dict` accepts
    changes without replacement, the rest of a begun epoch is that of another sample: it may repeat rows of the first
    part.

    Without a call of `set_epoch` the next iteration is the next epoch, so no epoch is repeated by mistake. An
    iteration that was broken off is started again by the next one.

    Examples
    --------
    >>> from equipoise import Shard, WeightedSampler
    >>> sampler = WeightedSampler([8.0, 1.0, 1.0, 1.0, 1.0], num_samples=12_000)
    >>> rows = list(sampler)
    >>> np.bincount(rows)  # 8,000 and four times 1,000 expected
    array([8088,  962,  994,  956, 1000])
    >>> ranks = [WeightedSampler([8.0, 1, 1, 1, 1], 12_000, shard=Shard(rank, 2)) for rank in (0, 1)]
    >>> [row for pair in zip(*ranks) for row in pair] == rows
    True

    Without replacement torch draws one row after the other from those left, so a heavy row is drawn less often than
    its weight says: here row 0 has 2/3 of the weight and gets 5/11 of torch's draws. No sampler can give a row 2/3 of
    two draws without repeating it; here that is an error, and one draw keeps the proportion.

    >>> import torch
    >>> from torch.utils.data import WeightedRandomSampler
    >>> _ = torch.manual_seed(3)
    >>> theirs = [WeightedRandomSampler([8.0, 1.0, 1.0, 1.0, 1.0], 2, False) for _ in range(2000)]
    >>> print(f"{np.mean([row == 0 for sampler in theirs for row in sampler]):.2f}")
    0.45
    >>> WeightedSampler([8.0, 1.0, 1.0, 1.0, 1.0], 2, replacement=False)
    Traceback (most recent call last):
    equipoise.errors.ConfigError: `num_samples` must be at most 1 without replacement, found 2: row 0 has weight 8.0,
    66.667% of all, and would have to be drawn 1.333 times in an epoch. Use num_samples=1, a smaller largest weight,
    or replacement=True.
    >>> ours = WeightedSampler([8.0, 1.0, 1.0, 1.0, 1.0], 1, replacement=False)
    >>> print(f"{np.mean([row == 0 for _ in range(3000) for row in ours]):.2f}")
    0.67

    With fewer positive weights than draws torch fills up with rows of weight 0:

    >>> rows = list(WeightedRandomSampler([1.0, 0.0, 0.0], 2, replacement=False))
    >>> len(rows), 1 in rows or 2 in rows
    (2, True)
    >>> WeightedSampler([1.0, 0.0, 0.0], 2, replacement=False)
    Traceback (most recent call last):
    equipoise.errors.ConfigError: `num_samples` must be at most 1 without replacement, found 2: row 0 has weight 1.0,
    100.000% of all, and would have to be drawn 2.000 times in an epoch. Use num_samples=1, a smaller largest weight,
    or replacement=True.
    """

    _SETTLED: ClassVar = {
        "weights": "Use `sampler.replan(weights, at=position)`.",
        **dict.fromkeys(("num_samples", "seed", "replacement", "shard"), REBUILD),
    }
    _FIELDS: ClassVar = {"seed": int, "num_samples": POSITION, "replacement": bool, "weights": str}

    def __init__(
        self,
        weights: ArrayLike | torch.Tensor,
        num_samples: int,
        replacement: bool = True,
        seed: int = 0,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        if generator is not None:
            seed = _seed_of(generator, seed)
        self.num_samples = integer("num_samples", num_samples)
        self.seed = integer("seed", seed)
        super().__init__(self.num_samples, shard, "num_samples")
        self.replacement = boolean("replacement", replacement)
        self._draw_by(_as_array(weights))

    def _draw_by(self, weights: Weights) -> None:
        self._stream: AliasStream | ClassStream | SystematicStream
        if not self.replacement:
            check_inclusion(weights, self.num_samples)
            self._stream = SystematicStream(weights, self.num_samples, self.seed)
        elif (values := distinct_values(weights)) is None:
            self._stream = AliasStream(weights, self.seed)
        else:
            self._stream = ClassStream(weights, values, self.seed)
        self._rows = len(weights)
        self._fingerprint = fingerprint(weights)

    def __repr__(self) -> str:
        return (
            f"WeightedSampler({self._rows} rows, num_samples={self.num_samples}, replacement={self.replacement},"
            f" seed={self.seed}, {self.shard}, at position {self.position})"
        )

    def rows_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows at rising positions of the whole training, counted over all ranks and epochs."""
        return self._stream.rows(positions)

    def _settings(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "num_samples": self.num_samples,
            "replacement": self.replacement,
            "weights": self._fingerprint,
        }

    def _changes_since(self, state: Mapping[str, Any]) -> list[str]:
        changes = differences(state, self._settings(), ("seed", "num_samples", "replacement"))
        return changes + ["the weights changed"] * (state["weights"] != self._fingerprint)

    @property
    def weights(self) -> None:
        """Not kept: the tables of the draws hold what is needed of them. `replan` changes them."""
        raise AttributeError("a WeightedSampler does not keep its weights; `replan` changes them")

    def replan(self, weights: ArrayLike | torch.Tensor, *, at: int) -> None:
        """Draw by other weights from a position on; call it on all ranks alike, then begin a new iteration.

        Parameters
        ----------
        weights : list, ndarray or tensor of numbers, shape (N,)
            As for the class.
        at : int
            Draws of all ranks together after which the weights change: `position` or a later one. A multiple of the
            world size and, without replacement, of `num_samples`.

        Raises
        ------
        ConfigError
            If `at` is before what was yielded or not such a multiple, there is not one weight for each row, or nothing
            can be drawn by the weights. The sampler stays as it was.
        """
        array = _as_array(weights)
        if len(array) != self._rows:
            message = f"`weights` must be one number for each of the {self._rows} rows, found {len(array)}."
            raise ConfigError("other-length", f"{message} Build a new sampler for another dataset.")
        at = self._checked_boundary(at, self.shard.world_size if self.replacement else self.num_samples)
        self._draw_by(array)
        self.start_at(at)


def _as_array(weights: ArrayLike | torch.Tensor) -> Weights:
    if isinstance(weights, torch.Tensor):
        weights = weights.detach().to("cpu", torch.float64).numpy()
    return checked_weights(weights)


def _seed_of(generator: object, seed: object) -> int:
    if not isinstance(generator, torch.Generator):
        message = f"`generator` must be a torch.Generator, found {type(generator).__name__}. For a number use `seed`."
        raise ConfigError("not-a-generator", message)
    if seed != 0:
        raise ConfigError("two-seeds", f"Either `seed` or `generator` can be given, found both (seed={seed!r}).")
    return generator.initial_seed()
