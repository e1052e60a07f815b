"""Train with FSDP2 in a plain loop: torchrun --nproc-per-node 2 torchrun_fsdp.py OUT."""

from collections.abc import Sequence

import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from transformers import T5ForConditionalGeneration

import torchrun_ddp


def shard(model: T5ForConditionalGeneration) -> T5ForConditionalGeneration:
    """Shard the parameters of each layer, then what is left."""
    for layer in (*model.encoder.block, *model.decoder.block):
        fully_shard(layer)
    return fully_shard(model)


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Train in the same loop; return the loss of every step."""
    return torchrun_ddp.main(arguments, wrap=shard)


if __name__ == "__main__":
    print(main())
    if dist.is_initialized():
        dist.destroy_process_group()
