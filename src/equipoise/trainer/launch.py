"""The processes that a launcher has started: they meet, and a Trainer must see them all."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from transformers import TrainingArguments

from equipoise.drawing import Shard
from equipoise.errors import ConfigError, RunError
from equipoise.trainer.ranks import PATIENCE, Ranks
from equipoise.trainer.signals import end_process, ending_at_signal


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
        too_long = threading.Timer(limit + PATIENCE, end_process, (silent,))
        too_long.daemon = True
        too_long.start()
        try:
            # Nothing has begun.
            with ending_at_signal(1, "Stopped while waiting for the other ranks. Start all again."):
                backend = options.get("ddp_backend") or of_device
                dist.init_process_group(backend, timeout=timedelta(seconds=limit))
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
