"""Batches of a stream that is read in order, and the position of training in it, whatever workers have read ahead."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from torch.utils.data import DataLoader, IterableDataset, default_collate

from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.iterable import ShardedStream

State = dict[str, Any]


class Read:
    """The batches of one rank of a `ShardedStream`, without an end.

    Each batch comes with the state of the stream behind it; that of the last one that was trained on is where training
    is. Iterations continue one reading: first with the batches that were read and not trained on.
    """

    KEY = "stream"
    """Of its state in that of a loader."""

    def __init__(self, stream: ShardedStream, shard: Shard, batch_size: int | None, options: dict[str, Any]) -> None:
        if batch_size is None:
            reason = "`batch_size`, the examples of a batch of one rank, must be set with a ShardedStream."
            raise ConfigError("no-batch-size", reason)
        if not options.pop("in_order", True):
            reason = "`in_order` must be True with a ShardedStream, found False: batches would be skipped on resuming."
            raise ConfigError("out-of-order", reason)
        self._whole = stream.whole()
        self._whole.begin(0)
        self._batches = _Batches(stream, shard, batch_size, options.pop("collate_fn", None) or default_collate)
        self._options = options
        self.load_state_dict(self._whole.state_dict())

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches behind the last one that was trained on."""
        for batch, _ in tuple(self._waiting):
            yield batch
        if self._reading is None:
            self._batches.start = self._state
            # A new loader each time: workers that persist would start where the old one did.
            self._reading = iter(DataLoader(self._batches, batch_size=None, collate_fn=_unchanged, **self._options))
        while (read := self._next()) is not None:
            self._waiting.append(read)
            yield read[0]

    def _next(self) -> tuple[Any, State] | None:
        """Return the next batch, None when reading was stopped: whoever holds an iteration holds no workers."""
        return None if self._reading is None else next(self._reading, None)

    @property
    def loader(self) -> "Read":
        """What is iterated over: itself. Held, it would be a cycle, whose collection stops the workers too late."""
        return self

    @property
    def epoch(self) -> int:
        """Epoch of the stream that training is in."""
        return self._state["epoch"]

    def set_epoch(self, epoch: int) -> None:
        """Raise ConfigError: the epochs of a stream follow each other without an end."""
        raise ConfigError(
            "no-epochs",
            f"A ShardedStream is read on without epochs of the loop, found set_epoch({epoch}). Leave it out, and count "
            "steps.",
        )

    def continue_here(self) -> None:
        """Do nothing: the next iteration continues behind the last batch that was trained on anyway."""

    def stop(self) -> None:
        """Stop reading, and the workers; the next iteration reads again behind the last batch that was trained on."""
        self.load_state_dict(self._state)

    def done(self) -> None:
        """Count a batch that was trained on."""
        _, self._state = self._waiting.popleft()

    def state_dict(self) -> State:
        """Return the state of the stream behind the last batch that was trained on."""
        return self._state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration begin there; StateError if the state is not one of this stream."""
        self._whole.check_state(state)
        self._state = dict(state)
        self._waiting: deque[tuple[Any, State]] = deque()
        self._reading: Iterator[tuple[Any, State]] | None = None


class _Batches(IterableDataset[tuple[Any, State]]):
    """What one worker, or a loader without workers, reads: collated batches with the states behind them."""

    def __init__(self, stream: ShardedStream, shard: Shard, batch_size: int, collate: Any) -> None:
        self._stream, self._shard, self._batch_size, self._collate = stream, shard, batch_size, collate
        self.start: State = {}

    def __iter__(self) -> Iterator[tuple[Any, State]]:
        self._stream.whole().load_state_dict(self.start)
        for examples, state in self._stream.batches(self._shard, self._batch_size):
            yield self._collate(examples), state


def _unchanged(batch: Any) -> Any:
    return batch
