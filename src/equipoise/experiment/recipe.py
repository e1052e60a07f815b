"""The demonstration's recipe: every number of it, in one place."""

from dataclasses import replace

from equipoise.config import (
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    PlanConfig,
    RunConfig,
    TrainingConfig,
)
from equipoise.rates import Equal, Proportional
from equipoise.weights import Natural, Power

SOURCE = "suite:multi-diagnosis"
BATCH = 16
DRAWS = 640 * BATCH
PLANNED = PlanConfig(rates=Equal(), weights=Power(gamma=0.5), allow_repeats=True)
NATURAL = PlanConfig(rates=Proportional(), weights=Natural(), allow_repeats=True)
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


def demo_config(plan: PlanConfig, draws: int, seed: int) -> RunConfig:
    """The configuration of one arm: all but the plan is the same for both."""
    return RunConfig(
        data=DataConfig(source=SOURCE),
        model=ModelConfig(name="tiny"),
        plan=replace(plan, draws=draws),
        training=TRAINING,
        evaluation=EvaluationConfig(),
        seed=seed,
    )
