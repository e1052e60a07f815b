"""Several processes that train together: they meet, agree on what they train, and end together."""

import json
import os
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import torch
import torch.distributed as dist
from transformers import TrainingArguments

from equipoise.drawing import Shard
from equipoise.errors import ConfigError, EquipoiseError, RunError, printable

AGREE_WITHIN: Final = 600.0
"""Seconds that a rank waits for the others to be ready, if `ddp_timeout` is not shorter."""
TOLD: Final = 3.0  # seconds that a rank which failed stays, so that the others hear why
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

        Raises
        ------
        RunError
            If another rank has failed or ended.
        """
        if self.store is None:
            yield
            return
        over = threading.Event()
        watching = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watching.start()
        try:
            yield
        except Exception as error:
            cause, lost = self._failure(), _lost(error)
            if cause is None and not lost:
                code = error.code if isinstance(error, EquipoiseError) else type(error).__name__
                with suppress(RuntimeError):  # the first rank, which keeps the store, has ended
                    self.store.set(f"{_KEYS}/failed", f"Rank {self.rank} failed ({code}): {error}")
                over.wait(TOLD)
                raise
            if isinstance(error, EquipoiseError) and not lost:
                raise
            cause = cause or "Another rank ended without a word: it was killed, or did not answer within `ddp_timeout`"
            raise RunError("other-rank", f"{cause}\nRank {self.rank} stops, as it cannot train alone.") from error
        finally:
            over.set()
            watching.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(_SEEN_EVERY):
            cause = self._failure()
            if cause is not None:
                if not over.wait(PATIENCE):
                    _end_process(f"Error (other-rank): {cause}\nRank {self.rank} waits for it, and is ended.")
                return

    def _failure(self) -> str | None:
        """Return why another rank has failed, None if none has."""
        try:
            failed = self.store.check([f"{_KEYS}/failed"])
            return self.store.get(f"{_KEYS}/failed").decode() if failed else None
        except RuntimeError:
            return "Rank 0, which keeps the ranks together, has ended: see what it printed"

    def _exchange(self, text: str) -> list[str]:
        """Return the texts of all ranks."""
        try:
            # Counted in the store: a process may train several times.
            turn = f"{_KEYS}/turn {self.store.add(f'{_KEYS}/turns of {self.rank}', 1)}"
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


def join(options: Mapping[str, Any], environment: Mapping[str, str]) -> Ranks:
    """Meet the other ranks that a launcher has started, if there are any and they have not met yet.

    Parameters
    ----------
    options : mapping of str to object
        Those of the Trainer; `use_cpu`, `ddp_backend` and `ddp_timeout` matter here.
    environment : mapping of str to str
        ``os.environ``: RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are torchrun's.

    Returns
    -------
    Ranks

    Raises
    ------
    ConfigError
        If the environment or `ddp_timeout` cannot be used.
    RunError
        If the ranks cannot meet.

    Examples
    --------
    >>> join({}, {"WORLD_SIZE": "1"}).size
    1
    """
    limit: object = options.get("ddp_timeout", TrainingArguments.ddp_timeout)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise ConfigError("bad-option", f"trainer option `ddp_timeout` must be seconds, an integer, found {limit!r}.")
    shard = Shard.from_environment(environment)
    if shard.world_size > 1 and not dist.is_initialized():
        of_device = "gloo" if on_cpu(options) else "nccl" if torch.cuda.is_available() else None
        place = f"{environment.get('MASTER_ADDR')}:{environment.get('MASTER_PORT')}"
        # Where something else listens at that port, torch waits for an answer without a limit.
        silent = f"Error (ranks-cannot-meet): Nothing answered at {place} within {limit} seconds. Is the port in use?"
        too_long = threading.Timer(limit + PATIENCE, _end_process, (silent,))
        too_long.daemon = True
        too_long.start()
        try:
            dist.init_process_group(options.get("ddp_backend") or of_device, timeout=timedelta(seconds=limit))
        except (RuntimeError, ValueError) as error:
            reason, advice = str(error).partition("\n")[0], "Start all ranks alike, with torchrun for example."
            if "EADDRINUSE" in reason:
                reason, advice = "the port is in use", "Choose another MASTER_PORT."
            message = f"The {shard.world_size} ranks cannot meet at {place}: {reason:.300}. {advice}"
            raise RunError("ranks-cannot-meet", message) from error
        finally:
            too_long.cancel()
    return Ranks.present(limit)


def on_cpu(options: Mapping[str, Any]) -> bool:
    """Return whether a Trainer with these options trains on the CPU."""
    devices = (torch.cuda, torch.xpu, torch.backends.mps)
    return bool(options.get("use_cpu")) or not any(device.is_available() for device in devices)


def refuse_unseen(args: TrainingArguments, environment: Mapping[str, str]) -> None:
    """Raise ConfigError if a launcher has started more ranks than a Trainer sees: each would train by itself."""
    started = Shard.from_environment(environment).world_size
    if started > 1 and args.world_size == 1:
        raise ConfigError(
            "ranks-not-seen",
            f"WORLD_SIZE says that {started} processes train together, and the Trainer sees only one, on "
            f"{args.device}: every process would train by itself. Start them with torchrun, which sets LOCAL_RANK too, "
            "with `use_cpu: true` where they have no GPU; or unset WORLD_SIZE.",
        )


def _lost(error: Exception) -> bool:
    """Return whether an error comes of a collective that was broken off, which is the fault of another rank."""
    cause: BaseException | None = error
    while isinstance(cause, EquipoiseError):
        cause = cause.__cause__
    said = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
    return isinstance(cause, dist.DistError) or (
        isinstance(cause, RuntimeError) and any(words in str(cause) for words in said)
    )


def _end_process(message: str) -> None:
    """End a process whose main thread waits where no exception reaches it."""
    sys.stderr.write(f"{printable(message)}\n")
    sys.stderr.flush()
    os._exit(1)


def _short(value: Any) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:30]}..."
