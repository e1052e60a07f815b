"""The examples unchanged, run on any number of ranks, and the rows of each step of their model."""

import functools
import json
import multiprocessing
import os
import re
import sys
import warnings
from datetime import timedelta
from importlib import import_module
from itertools import chain
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.append(str(EXAMPLES))  # as when one of them is run
GLOBAL_BATCH = 8


def example_of(launcher):
    """Return its module, and options of its `main` that the command line does not have."""
    if launcher == "accelerate stateful":
        from accelerate import Accelerator
        from accelerate.utils import DataLoaderConfiguration

        module = import_module("accelerate_loop")
        stateful = DataLoaderConfiguration(use_stateful_dataloader=True)
        module.Accelerator = functools.partial(Accelerator, dataloader_config=stateful)
        return module, {}
    if launcher == "accelerate_loop":
        from accelerate import Accelerator

        module = import_module(launcher)
        module.Accelerator = Accelerator
        return module, {}
    if launcher == "torchrun fsdp":
        from torch.distributed.fsdp import fully_shard

        return import_module("torchrun_ddp"), {"wrap": fully_shard}
    return import_module(launcher), {}


def run(launcher, folder, batch_size, accumulation, steps, workers=0, resume=False):
    """Run an example; return the loss of every step and the rows of every batch that the model received."""
    import toy

    example, options = example_of(launcher)
    batches, make_model = [], toy.make_model

    def record(_model, _arguments, given):
        batches.append(rows_of(given["input_ids"]))

    def recorded():
        model = make_model()
        model.register_forward_pre_hook(
            lambda _, __, given: batches.append(rows_of(given["input_ids"])), with_kwargs=True
        )
        return model

    arguments = ["--batch-size", batch_size, "--accumulation", accumulation, "--steps", steps, "--workers", workers]
    toy.make_model = recorded
    try:
        losses = example.main([str(folder), *map(str, arguments), *(["--resume"] if resume else [])], **options)
    finally:
        toy.make_model = make_model
    return {"losses": losses, "batches": batches, "accumulation": accumulation}


def rows_of(input_ids):
    """Return row numbers, which the texts contain: each token is a byte."""
    texts = [bytes(token - 3 for token in text if token >= 3).decode() for text in input_ids.tolist()]
    return [int(re.search(r"(\d+):", text).group(1)) for text in texts]


def run_alone(jobs):
    """Jobs in this process: {name: arguments of `run`} to {name: [result]}."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of three training libraries
        return {name: [run(*job)] for name, job in jobs.items()}


def run_on_ranks(ranks, folder, jobs):
    """Jobs on that many new processes, one after the other: {name: [result of each rank]}."""
    folder.mkdir()
    mp.spawn(_rank, (ranks, str(folder), jobs), nprocs=ranks)
    found = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(ranks)]
    return {name: [each[name] for each in found] for name in jobs}


def _rank(rank, ranks, folder, jobs):
    environment = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    os.environ.update({name: str(value) for name, value in environment.items()})
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=ranks, timeout=timedelta(minutes=10)
    )
    warnings.simplefilter("ignore")
    multiprocessing.set_start_method("fork", force=True)  # spawned, each worker of a loader would import torch
    results = {}
    for name, job in jobs.items():
        results[name] = run(*job)
        os.environ["WORLD_SIZE"] = str(ranks)  # Lightning takes it out when it ends
        dist.barrier()
    Path(folder, f"{rank}.json").write_text(json.dumps(results))
    dist.barrier()
    dist.destroy_process_group()


def rows_of_steps(ranks):
    """Return the rows of each optimiser step, sorted, from the batches of each rank."""
    steps = []
    for rank in ranks:
        batches, each = rank["batches"], rank["accumulation"]
        assert len(batches) % each == 0
        steps.append([list(chain(*batches[at : at + each])) for at in range(0, len(batches), each)])
    return [sorted(chain(*parts)) for parts in zip(*steps, strict=True)]


def drawn(first, last):
    """Return the rows of each optimiser step, sorted, as the plan draws them."""
    import toy
    from equipoise import draws

    stream = draws(toy.plan, toy.index, 0, first * GLOBAL_BATCH, last * GLOBAL_BATCH)
    return [sorted(step) for step in stream.reshape(-1, GLOBAL_BATCH).tolist()]


def weights_in(folder):
    """Return the model that an example wrote at its end."""
    from safetensors.torch import load_file

    if (folder / "model.safetensors").exists():
        return load_file(folder / "model.safetensors")
    return torch.load(folder / "newest.pt", weights_only=True)["model"]
