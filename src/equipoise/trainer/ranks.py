"""Several processes that train together: they agree on what they train, and end together."""

import json
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final, cast

import torch.distributed as dist

from equipoise.errors import EquipoiseError, RunError
from equipoise.trainer.signals import end_process, ending_at_signal

AGREE_WITHIN: Final = 600.0
"""Seconds that a rank waits for the others to be ready, if `ddp_timeout` is not shorter."""
TOLD: Final = 10.0  # seconds that a rank which failed stays, at most, until the others have heard why
PATIENCE: Final = 20.0  # seconds that the others have to end by themselves, before their process is ended
_SEEN_EVERY: Final = 0.5
_KEYS = "equipoise"


@dataclass(frozen=True)
class Ranks:
    """The processes of one training, as their store knows them; a single process has no store.

    Attributes
    ----------
    rank, size : int
        Of this process, and how many there are.
    limit : float
        Seconds to wait for the others.
    store : torch.distributed.Store, optional
        Where the ranks leave messages for each other.
    """

    rank: int = 0
    size: int = 1
    limit: float = AGREE_WITHIN
    store: Any = None

    @classmethod
    def present(cls, limit: float = AGREE_WITHIN) -> "Ranks":
        """Return the ranks of the process group that is initialised, or the only process.

        Examples
        --------
        >>> Ranks.present().size
        1
        """
        if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
            return cls()
        store = cast(Any, dist.distributed_c10d)._get_default_store()
        return cls(dist.get_rank(), dist.get_world_size(), min(limit, AGREE_WITHIN), store)

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Return when all ranks have the same facts; the differences are named otherwise.

        Parameters
        ----------
        facts : mapping of str to object
            Values that JSON holds, by what a user calls them.

        Raises
        ------
        RunError
            On all ranks, if a value differs; if a rank has failed, or is not there within the limit.
        """
        if self.store is None:
            return
        found: list[dict[str, Any]] = [json.loads(text) for text in self._exchange(json.dumps(facts))]
        named = dict.fromkeys(name for each in found for name in each)
        different = [name for name in named if any(each.get(name) != found[0].get(name) for each in found)]
        if different:
            listed = "\n".join(
                f"- `{name}` is "
                + ", ".join(f"{_short(each.get(name))} on rank {rank}" for rank, each in enumerate(found))
                for name in different
            )
            raise RunError(
                "ranks-differ",
                f"All ranks must train the same run, and they differ:\n{listed}\nStart all of them with the same "
                "command, on the same data.",
            )

    @contextmanager
    def ending_together(self) -> Generator[None]:
        """End the other ranks, and tell them why, if this one fails in the block, and this one if another does.

        A rank that waits for another where no exception reaches it, in a collective of NCCL, is ended as a process.
        A block inside another does nothing more; blocks that follow each other know nothing of each other. A second
        Ctrl-C or SIGTERM ends the process, also where it waits for a rank that no longer answers.

        Raises
        ------
        RunError
            If another rank has failed or ended.
        """
        if self.store is None:
            yield
            return
        with (
            ending_at_signal(2, "Stopped at once."),
            self._inside() as first,
            self._ending_together() if first else nullcontext(),
        ):
            yield

    @contextmanager
    def _inside(self) -> Generator[bool]:
        """Yield whether a block is inside no other, and count it."""
        inside = f"{_KEYS}/inside of {self.rank}"
        try:
            first = self.store.add(inside, 1) == 1
            if first:
                self.store.add(f"{_KEYS}/blocks of {self.rank}", 1)
            yield first
        finally:
            with suppress(RuntimeError):  # the first rank, which keeps the store, has ended
                self.store.add(inside, -1)

    @contextmanager
    def _ending_together(self) -> Generator[None]:
        over, block = threading.Event(), self._block()
        heard: list[str] = []
        watching = threading.Thread(target=self._watch, args=(over, block, heard), daemon=True)
        watching.start()
        try:
            yield
        except Exception as error:  # whatever a rank fails with, the others are told
            # What was heard first counts: the store may have ended since, with the first rank.
            cause, lost = next(iter(heard), None) or self._failure(block), _lost(error)
            if cause is None and not lost:
                code = error.code if isinstance(error, EquipoiseError) else type(error).__name__
                with suppress(RuntimeError):
                    self.store.set(f"{block}/failed", f"Rank {self.rank} failed ({code}): {error}")
                self._wait_until_heard(block)
                raise
            if self.rank == 0 and cause is not None:
                self._wait_until_heard(block)  # the store ends with this rank
            if isinstance(error, EquipoiseError) and not lost:
                raise
            cause = cause or "Another rank ended without a word: it was killed, or did not answer within `ddp_timeout`"
            raise RunError("other-rank", f"{cause}\nRank {self.rank} stops, as it cannot train alone.") from error
        finally:
            over.set()
            watching.join()
            if not heard:
                self._count_heard(block)  # it leaves, and needs to hear nothing more

    def _block(self) -> str:
        """Return where ranks leave their messages in the block of this one, the last or none."""
        key = f"{_KEYS}/blocks of {self.rank}"
        return f"{_KEYS}/block {self.store.get(key).decode() if self.store.check([key]) else 0}"

    def _watch(self, over: threading.Event, block: str, heard: list[str]) -> None:
        while not over.wait(_SEEN_EVERY):
            cause = self._failure(block)
            if cause is not None:
                heard.append(cause)
                self._count_heard(block)
                if not over.wait(PATIENCE):
                    end_process(f"Error (other-rank): {cause}\nRank {self.rank} waits for it, and is ended.")
                return

    def _count_heard(self, block: str) -> None:
        with suppress(RuntimeError):
            self.store.add(f"{block}/heard", 1)

    def _wait_until_heard(self, block: str) -> None:
        """Stay until all ranks have heard of a failure, or left the block; one that was killed never does."""
        end = time.monotonic() + TOLD
        with suppress(RuntimeError):
            while self.store.add(f"{block}/heard", 0) < self.size and time.monotonic() < end:
                time.sleep(_SEEN_EVERY / 10)

    def _failure(self, block: str | None = None) -> str | None:
        """Return why another rank has failed, None if none has."""
        try:
            key = f"{block or self._block()}/failed"
            return self.store.get(key).decode() if self.store.check([key]) else None
        except RuntimeError:
            return "Rank 0, which keeps the ranks together, has ended: see what it printed"

    def _exchange(self, text: str) -> list[str]:
        """Return the texts of all ranks."""
        try:
            # Counted in the store: a process may train several times.
            block = self._block()
            turn = f"{block}/turn {self.store.add(f'{block}/turns of {self.rank}', 1)}"
            keys = [f"{turn}/{rank}" for rank in range(self.size)]
            self.store.set(keys[self.rank], text)
            if not self._wait_for(keys):
                missing = [str(rank) for rank, key in enumerate(keys) if not self.store.check([key])]
                raise RunError(
                    "ranks-missing",
                    f"All {self.size} ranks must be ready to train within {self.limit:g} seconds of each other, found "
                    f"nothing of rank {', '.join(missing)}. See what it printed, or set `ddp_timeout` higher.",
                )
            texts = [self.store.get(key).decode() for key in keys]
            if self.store.add(f"{turn} read", 1) == self.size:
                self.store.set(f"{turn} over", "")
            with suppress(RuntimeError):
                self._wait_for([f"{turn} over"], TOLD)  # the store ends with the first rank
        except RuntimeError as error:
            if isinstance(error, EquipoiseError):
                raise
            cause = self._failure() or f"The store of the ranks has failed: {error!s:.200}"
            raise RunError("other-rank", f"{cause}\nRank {self.rank} stops, as it cannot train alone.") from error
        return texts

    def _wait_for(self, keys: list[str], limit: float | None = None) -> bool:
        end = time.monotonic() + (self.limit if limit is None else limit)
        while not self.store.check(keys):
            cause = self._failure()
            if cause is not None:
                raise RunError("other-rank", f"{cause}\nRank {self.rank} stops, as it cannot train alone.")
            if time.monotonic() > end:
                return False
            time.sleep(_SEEN_EVERY / 10)
        return True


@contextmanager
def ending_together() -> Generator[None]:
    """End all ranks of a script together: if one fails in the block, the others end within a minute and name the cause.

    `EquipoiseTrainer` and `StreamMixin` do so in `train()`. Put into the block what comes before and after it, once the
    process group is initialised (`training_arguments` does that); with a single process it does nothing. A rank that
    waits where no exception reaches it, in a collective of NCCL, is ended as a process.

    Raises
    ------
    RunError
        If another rank has failed or ended.

    Examples
    --------
    >>> with ending_together():
    ...     "read the data, train, evaluate"
    'read the data, train, evaluate'
    """
    with Ranks.present().ending_together():
        yield


def _lost(error: Exception) -> bool:
    """Return whether an error comes of a collective that was broken off, which is the fault of another rank."""
    cause: BaseException | None = error
    while isinstance(cause, EquipoiseError):
        cause = cause.__cause__
    said = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
    return isinstance(cause, dist.DistError) or (
        isinstance(cause, RuntimeError) and any(words in str(cause) for words in said)
    )


def _short(value: Any) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:30]}..."
