"""A stream divided among ranks and the workers of a DataLoader, each example read by one of them."""

from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any, ClassVar, Literal, NamedTuple

from torch.utils.data import IterableDataset, get_worker_info

from equipoise.base.values import integer
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, DataError, StateError
from equipoise.iterable.ordered import NUMBER, OrderedStream, Place
from equipoise.iterable.parts import Parts, Source
from equipoise.iterable.source import as_stream

_MOST_EMPTY = 100  # epochs without an example, one after the other, before a loader gives up


class _Lane(NamedTuple):
    """One reader: a worker of a rank."""

    rank: int
    world_size: int
    worker: int
    workers: int


class ShardedStream(OrderedStream, IterableDataset[Any]):
    """The part of a stream that this rank, and this worker of its DataLoader, takes.

    By examples, all of them read the one stream, and each yields its own examples. Rank r of W takes positions r,
    r + W, ...; its workers take turns at batches of them. So with the loader's batch size as `batch_size`, batches are
    the same with any number of workers, and step t of all ranks holds positions ``t*b*W`` to ``(t+1)*b*W - 1`` of the
    stream, as of `PlanSampler`. Every reader reads all examples, so decode and tokenise behind this stream, where an
    example has one reader: in `transform`, or in the loader's `collate_fn`.

    By parts, a reader opens only its own `Parts` of the sources, and has its own shuffle buffer. A pass of all readers
    together holds the same examples, equally often. Readers reach their ends at different times: count steps, with
    streams that repeat.

    Parameters
    ----------
    stream : OrderedStream, Source or Parts
        What is divided. It must not divide itself: no `split_dataset_by_node`, no splitting by worker.
    shard : Shard
        Rank and world size. Leave the default under everything in `equipoise.loaders` and `equipoise.trainer`, which
        divide the stream themselves, and under accelerate's own loaders.
    by : "examples" or "parts"
        As above.
    batch_size : int
        The loader's, with `by="examples"`.
    drop_last : bool
        Whether the last examples of an epoch are left out where they are too few for all ranks, so that all take
        equally many; only by examples.
    transform : callable, optional
        Returns what an example becomes, such as its tokens. Called for the examples that this reader yields, and no
        others.

    Raises
    ------
    ConfigError
        If an argument is not one of these, or there are fewer parts than readers.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> for rank in range(2):
    ...     stream = ShardedStream(range(10), Shard(rank, 2), batch_size=2)
    ...     print([batch.tolist() for batch in DataLoader(stream, batch_size=2)])
    [[0, 2], [4, 6], [8]]
    [[1, 3], [5, 7], [9]]
    """

    _PLACE: ClassVar = {
        "taken": NUMBER,
        "since": NUMBER,
        "ended": bool,
        "batch_size": NUMBER,
        "lane": _Lane,
        "stream": dict[str, Any],
    }

    def __init__(
        self,
        stream: OrderedStream | Source | Parts,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        *,
        by: Literal["examples", "parts"] = "examples",
        batch_size: int = 1,
        drop_last: bool = False,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        OrderedStream.__init__(self)
        if by not in {"examples", "parts"}:
            raise ConfigError("unknown-option", f'`by` must be "examples" or "parts", found {by!r}.')
        batch_size = integer("batch_size", batch_size)
        if batch_size < 1:
            raise ConfigError("no-size", f"`batch_size` must be at least 1, found {batch_size!r}.")
        if by == "parts" and (batch_size, drop_last) != (1, False):
            message = '`batch_size` and `drop_last` are for by="examples" only. Leave them out.'
            raise ConfigError("unused-option", message)
        self._stream = as_stream(stream)
        self.shard = shard
        self._by = by
        self._batch_size = batch_size
        self._drop_last = drop_last
        self._transform = transform
        self._taken = self._since = 0  # positions of the stream that were read, and when these workers began
        self._ended = False
        self._own = self._stream  # what this reader reads
        self._last: dict[str, Any] | None = None  # state of a worker at its end

    def _settings(self) -> dict[str, Any]:
        return {"by": self._by, "drop_last": self._drop_last}

    def _reader(self) -> _Lane:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        return _Lane(self.shard.rank, self.shard.world_size, number, workers)

    def _here(self) -> Place:
        return {
            "taken": self._taken,
            "since": self._since,
            "ended": self._ended,
            "batch_size": self._batch_size,
            "lane": self._reader()._asdict(),
            "stream": self._own.state_dict(),
        }

    def _read(self, start: Place | None) -> Iterator[Any]:
        lane = self._reader()
        self._own = self._part_of(lane)
        self._taken, self._since, self._ended = 0, 0, False
        if start is None:
            self._own.begin(self._epoch)
        else:
            self._check_place(start)  # it may be that of another worker than this
            self._own.load_state_dict(start["stream"])
            self._taken, self._ended = start["taken"], start["ended"]
            self._since = start["since"] if start["lane"]["workers"] > 1 else self._taken
        if self._ended:
            return
        if self._by == "parts":
            yield from map(self._transformed, self._own)
            return
        examples = iter(self._own)
        first = self._since // lane.world_size
        while round_ := list(islice(examples, lane.world_size)):
            if len(round_) < lane.world_size:
                if self._drop_last:
                    return
                self._ended = True
            batch = (self._taken // lane.world_size - first) // self._batch_size
            self._taken += len(round_)
            if batch % lane.workers == lane.worker and lane.rank < len(round_):
                yield self._transformed(round_[lane.rank])

    def __iter__(self) -> Iterator[Any]:
        """Yield the examples of this reader from the loaded state, or the epoch's beginning, to the epoch's end."""
        self._last = None  # at once: a loader asks for the state before the first example
        return super().__iter__()

    def whole(self) -> OrderedStream:
        """Return the stream that is divided, to a loader that divides it by `batches`.

        Raises
        ------
        ConfigError
            If this one divides it already.
        """
        set_here = {
            "shard": (self.shard, Shard()),
            "by": (self._by, "examples"),
            "batch_size": (self._batch_size, 1),
            "drop_last": (self._drop_last, False),
        }
        for name, (found, default) in set_here.items():
            if found != default:
                advice = "Leave it out."
                if name == "by":
                    advice += " Parts, whose position only their reader knows, are for torchdata's StatefulDataLoader."
                raise ConfigError(
                    "divided-stream",
                    f"`{name}` of the ShardedStream must be {default!r} here, found {found!r}: the loader divides the "
                    f"stream itself, by examples, and no example is left over. {advice}",
                )
        return self._stream

    def batches(self, shard: Shard, batch_size: int) -> Iterator[tuple[list[Any], dict[str, Any]]]:
        """Yield the batches of a rank, from the state of the whole stream on, each with the state behind it.

        Epochs follow each other, so that all ranks have equally many batches, without an end: a batch may hold the last
        examples of one epoch and the first of the next. A state is that of the `whole` stream behind this batch of all
        ranks, so it fits any number of ranks and of workers. Workers yield the batches in turn.

        Parameters
        ----------
        shard : Shard
            Rank and world size.
        batch_size : int
            Examples in a batch of one rank.

        Yields
        ------
        tuple of (list, dict)
        """
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        examples = self._epochs()
        for turn in count():
            of_all = list(islice(examples, batch_size * shard.world_size))
            if turn % workers == number:
                own = of_all[shard.rank :: shard.world_size]
                yield [self._transformed(example) for example in own], self._stream.state_dict()

    def _epochs(self) -> Iterator[Any]:
        empty = 0
        while empty < _MOST_EMPTY:
            empty += 1
            for example in self._stream:
                empty = 0
                yield example
        message = f"The stream yielded no example in {empty} epochs, one after the other. Check its source and factors."
        raise DataError("no-examples", message)

    def _transformed(self, example: Any) -> Any:
        return example if self._transform is None else self._transform(example)

    def begin(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch, whatever was loaded."""
        super().begin(epoch)
        self._last = None

    def state_dict(self) -> dict[str, Any]:
        """Return the state to resume from; a worker at its end says so, since others may not be at theirs."""
        return super().state_dict() if self._last is None else self._last

    def _finish(self) -> None:
        last = None
        if get_worker_info() is not None:  # a loader that resumes asks all workers for more, also those at their end
            last = {**super().state_dict(), "place": {**self._here(), "ended": True}}
        super()._finish()
        self._last = last

    def _part_of(self, lane: _Lane) -> OrderedStream:
        if self._by == "examples":
            return self._stream
        return self._stream.split(lane.rank * lane.workers + lane.worker, lane.world_size * lane.workers)

    def _check_place(self, place: Place) -> None:
        lane, was, taken = self._reader(), _Lane(**place["lane"]), place["taken"]
        if self._by == "parts":
            if was != lane:
                message = f"The state is one of {was}, and this is {lane}, with other parts of the source."
                raise StateError("other-reader", message)
        elif was.workers > 1:
            # The workers of one number are equally far on all ranks, so the rank may be another.
            batch_size = place["batch_size"]
            if (was._replace(rank=lane.rank), batch_size) != (lane, self._batch_size):
                raise StateError(
                    "other-reader",
                    f"The state is that of {was} with batches of {batch_size}, and this is {lane} with batches of "
                    f"{self._batch_size}. Resume as it was: a worker knows only how far it has read itself.",
                )
        elif not place["ended"] and taken % lane.world_size:
            raise StateError(
                "not-a-multiple",
                f"Position {taken} of the state is not a multiple of the {lane.world_size} ranks. "
                "Resume on a number of ranks that divides the global batch.",
            )
        self._part_of(lane).check_state(place["stream"])
