"""What the study trains: learning curves of a model from scratch, a pretrained model, and adapters."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .method_runs import Job


class Arm(NamedTuple):
    """A way to train, a correction of what it predicts, and what tables call it."""

    method: str
    correction: str
    title: str


ARMS: Mapping[str, Arm] = {
    "natural": Arm("natural", "none", "natural sampling"),
    "natural + tau": Arm("natural", "tau", "natural sampling, answers by logit adjustment"),
    "equal": Arm("equal", "none", "equal tasks, natural labels"),
    "sqrt": Arm("sqrt", "none", "default plan: equal tasks, square-root class weights"),
    "log": Arm("log", "none", "equal tasks, log class weights"),
    "balanced": Arm("balanced", "none", "equal tasks, balanced class weights"),
    "balanced-softmax": Arm("balanced-softmax", "none", "equal tasks, balanced softmax over labels"),
    "weighted-sqrt": Arm("weighted-sqrt", "none", "equal tasks, square-root weights in the loss"),
}
PRETRAINED = ("natural", "natural + tau", "sqrt", "log", "balanced", "weighted-sqrt")
SEEDS = (0, 1, 2)


class Part(NamedTuple):
    """One table of the study."""

    source: str
    model: str
    arms: tuple[str, ...]
    draws: tuple[int, ...]
    seeds: tuple[int, ...] = SEEDS

    @property
    def jobs(self) -> list[Job]:
        """Its trainings, the shortest first, and all of one seed before those of the next."""
        methods = dict.fromkeys(ARMS[arm].method for arm in self.arms)
        return [
            Job(self.source, method, seed, draws, self.model)
            for draws in sorted(self.draws)
            for seed in self.seeds
            for method in methods
        ]


PARTS: Mapping[str, Part] = {
    "curves-multi-diagnosis": Part("multi-diagnosis", "tiny", tuple(ARMS), (10_240, 40_960, 163_840)),
    "curves-icd10cm": Part("icd10cm", "tiny", tuple(ARMS), (10_240, 40_960)),
    "pretrained-icd10cm": Part("icd10cm", "minilm", PRETRAINED, (5_120, 20_480, 40_960)),
    "numbers-icd10cm": Part("icd10cm", "minilm-numbers", ("natural", "sqrt"), (5_120,)),
    "pretrained-medical-codes": Part("medical-codes", "minilm", PRETRAINED, (5_120,)),
    "adapters-icd10cm": Part("icd10cm", "minilm-lora", ("natural", "natural + tau", "sqrt"), (5_120,)),
}


def queue(parts: list[str]) -> Iterator[Job]:
    """Return the trainings of the parts, in turn one of each, so that whatever time there is serves all of them."""
    left = [PARTS[name].jobs for name in parts]
    while any(left):
        for jobs in left:
            if jobs:
                yield jobs.pop(0)
