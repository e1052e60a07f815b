"""The examples unchanged, run on any number of ranks, and the rows of each step of their model."""

import functools
import json
import multiprocessing
import os
import re
import sys
import warnings
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import FunctionType, SimpleNamespace

import torch
import torch.distributed as dist

from tests.support.processes import on_ranks

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.append(str(EXAMPLES))  # as when one of them is run
GLOBAL_BATCH = 8
ROW = re.compile(r"(\d+):")  # the number of a row, which its text contains


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
    if launcher == "lightning sharded":
        return sharding_lightning(), {}
    if launcher == "torchrun fsdp":
        return import_module("torchrun_fsdp"), {}
    return import_module(launcher), {}


def maker_of(launcher):
    """Return the module whose `make_model` it calls, and what gives the texts that its model receives."""
    if launcher in ("lora_trainer", "trl_sft", "sentence_trainer"):
        decoder = import_module("toy_decoder")
        decode = decoder.make_tokenizer().batch_decode
        if launcher != "sentence_trainer":
            return decoder, lambda _, given: decode(given["input_ids"])
        return import_module(launcher), lambda inputs, _: decode(sentences_of(**inputs[0]))
    return import_module("toy"), lambda _, given: map(bytes_of, given["input_ids"].tolist())


def sharding_lightning():
    """Return the example of Lightning with FSDP2: `fully_shard` in `configure_model`, and a strategy that knows it."""
    from lightning.pytorch.strategies import ModelParallelStrategy
    from torch.distributed.fsdp import fully_shard

    from equipoise.trainer.sharded import whole_state

    module = import_module("lightning_module")

    class Sharded(module.Model):
        def configure_model(self):
            mesh, model = self.device_mesh["data_parallel"], self.model
            if not hasattr(model, "reshard"):
                for block in (each for each in model.modules() if type(each).__name__ == "T5Block"):
                    fully_shard(block, mesh=mesh)
                fully_shard(model, mesh=mesh)
                assert sum(each.to_local().numel() for each in model.parameters()) < 0.6 * model.num_parameters()
                save = model.save_pretrained
                model.save_pretrained = lambda *args, **named: save(*args, state_dict=whole_state(model), **named)

    class Sharding(module.Trainer):
        def __init__(self, **options):
            strategy = ModelParallelStrategy(
                data_parallel_size=2, tensor_parallel_size=1, save_distributed_checkpoint=False
            )
            super().__init__(**(options | {"strategy": strategy}))

    return SimpleNamespace(main=_main_with(module, Model=Sharded, Trainer=Sharding))


def _main_with(module, **replaced):
    """Return the `main` of an example with other globals, which leaves the example as it is."""
    return FunctionType(module.main.__code__, vars(module) | replaced, argdefs=module.main.__defaults__)


def run(launcher, folder, batch_size, accumulation, steps, workers=0, resume=False, plan=None, decide_after=None):
    """Run an example; return the loss of every step and the rows of every batch that the model received.

    `plan` is what it draws from instead of its own plan: "used" or "declared". With the latter another plan is decided
    in the batch after `decide_after`.
    """
    example, options = example_of(launcher)
    arguments = ["--batch-size", batch_size, "--accumulation", accumulation, "--steps", steps, "--workers", workers]
    with drawing(plan), recorded_models(launcher, decide_after) as seen:
        losses = example.main([str(folder), *map(str, arguments), *(["--resume"] if resume else [])], **options)
    return {"losses": losses, "accumulation": accumulation, **seen}


STAGES = (2, 6)  # steps in which the stages begin that are planned, after the first
DECIDED, BEGIN = 7, 9  # the step in which another plan is decided, and the one that it is drawn from


def declared():
    """Return the schedule that is planned: stages of plans of the examples' data."""
    import toy
    from equipoise import Census, Plan, Schedule

    census = Census.from_labels(toy.NAMES, toy.LABELS)
    plans = [toy.plan, Plan.build(census, "proportional", "natural"), Plan.build(census, "equal", "balanced")]
    return Schedule(list(zip([0, *(step * GLOBAL_BATCH for step in STAGES)], plans, strict=True)))


def used():
    """Return the schedule that is drawn once another plan was decided."""
    return declared().changed(decided_plan(), BEGIN * GLOBAL_BATCH)


def decided_plan():
    """Return the plan that is decided."""
    import toy
    from equipoise import Census, Plan, rates

    return Plan.build(Census.from_labels(toy.NAMES, toy.LABELS), rates.Fixed({"tone": 0.25, "topic": 0.75}), "sqrt")


@contextmanager
def drawing(plan):
    """Let the examples draw from another plan meanwhile, in batches whose shares are exact; None leaves theirs."""
    import toy
    from equipoise import PlanSampler, Quota, Shard

    make_sampler = toy.make_sampler

    def make(shard=Shard()):  # noqa: B008 - frozen
        stages = {"used": used, "declared": declared}[plan]()
        toy.sampler = PlanSampler(stages, toy.index, 0, toy.DRAWS_PER_EPOCH, shard, batches=Quota(GLOBAL_BATCH))
        return toy.sampler

    if plan is not None:
        toy.make_sampler = make
    try:
        yield
    finally:
        toy.make_sampler = make_sampler


def decide():
    """Decide on another plan on every rank, after calls that must be refused; return what was said."""
    import toy
    from equipoise.errors import ConfigError
    from equipoise.loaders import replan

    said = []
    for step in (BEGIN + dist.get_rank(), DECIDED):  # another one on each rank; one that was begun
        try:
            replan(toy.sampler, decided_plan(), at=step * GLOBAL_BATCH)
        except ConfigError as error:
            said.append([error.code, str(error)])
    return [*said, replan(toy.sampler, decided_plan(), at=BEGIN * GLOBAL_BATCH)]


@contextmanager
def recorded_models(launcher, decide_after=None):
    """Give the rows of each batch that the models of an example train on meanwhile, and what was said to a decision."""
    made_in, texts_of = maker_of(launcher)
    batches, make_model = [], made_in.make_model
    seen = {"batches": batches, "decided": None}

    def record(model, inputs, given):
        found = [match for text in texts_of(inputs, given) if (match := ROW.search(text))]
        if found and model.training:
            batches.append([int(match.group(1)) for match in found])
            if len(batches) - 1 == decide_after:
                seen["decided"] = decide()

    def recorded():
        model = make_model()
        model.register_forward_pre_hook(record, with_kwargs=True)
        return model

    made_in.make_model = recorded
    try:
        yield seen
    finally:
        made_in.make_model = make_model


def bytes_of(tokens):
    """Return the text of tokens of ByT5, each of which is a byte."""
    return bytes(token - 3 for token in tokens if token >= 3).decode()


def sentences_of(input_ids, offsets):
    """Return the tokens of each text, from where each begins among those of all."""
    return [each.tolist() for each in torch.tensor_split(input_ids, offsets[1:].tolist())]


def run_alone(jobs):
    """Jobs in this process: {name: arguments of `run`} to {name: [result]}."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of three training libraries
        return {name: [run(*job)] for name, job in jobs.items()}


def run_on_ranks(ranks, folder, jobs):
    """Jobs on that many new processes, one after the other: {name: [result of each rank]}."""
    folder.mkdir()
    on_ranks(_rank, (ranks, str(folder), jobs), ranks)
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


def drawn(first, last, plan=None):
    """Return the rows of each optimiser step, sorted, as the plan of the examples draws them, or as `used` does."""
    import toy
    from equipoise import PlanSampler, Quota

    if plan is None:
        sampler = toy.make_sampler()
    else:
        sampler = PlanSampler(plan, toy.index, 0, toy.DRAWS_PER_EPOCH, batches=Quota(GLOBAL_BATCH))
    stream = sampler.rows(first * GLOBAL_BATCH, last * GLOBAL_BATCH)
    return [sorted(step) for step in stream.reshape(-1, GLOBAL_BATCH).tolist()]


def weights_in(folder):
    """Return the model that an example wrote at its end."""
    from safetensors.torch import load_file

    if (folder / "model.safetensors").exists():
        return load_file(folder / "model.safetensors")
    return torch.load(folder / "newest.pt", weights_only=True)["model"]
