"""The configuration of `equipoise demo`."""

from equipoise.compare.demo_size import BATCH
from equipoise.config import (
    CompareConfig,
    ComparisonConfig,
    DataConfig,
    ModelConfig,
    PlanConfig,
    TrainingConfig,
    TrialConfig,
)
from equipoise.rates import Equal
from equipoise.weights import Power

SOURCE = "suite:multi-diagnosis"
PLANNED = TrialConfig(rates=Equal(), weights=Power(gamma=0.5))
TRAINING = TrainingConfig(
    batch_size=BATCH,
    learning_rate=7e-4,
    schedule="linear",
    warmup=0.05,
    max_input=128,
    max_target=16,
    window=16,
    log_every=20,
    validate_every=160,
    save_every=320,
)


def demo_config(draws: int, seed: int) -> ComparisonConfig:
    """Return the comparison of natural sampling with a plan, with a quarter of the draws and in full.

    They differ in sampling alone.
    """
    return ComparisonConfig(
        data=DataConfig(source=SOURCE),
        model=ModelConfig(name="tiny"),
        plan=PlanConfig(draws=draws, allow_repeats=True),
        training=TRAINING,
        compare=CompareConfig(candidates={"planned": PLANNED}, stages=2, shrink=4, first_seeds=1, seeds=2, finalists=1),
        seed=seed,
    )
