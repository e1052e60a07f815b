"""The models that the study trains, each with the recipe that all methods share."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from equipoise.config import AdapterConfig, ModelConfig, RunConfig

FROZEN = ("encoder.embeddings", "encoder.encoder.layer.0", "encoder.encoder.layer.1", "decoder.bert.embeddings")


def _minilm(run: RunConfig, model: ModelConfig, learning_rate: float) -> RunConfig:
    training = replace(run.training, learning_rate=learning_rate, batch_size=32, warmup=0.1)
    return replace(run, model=model, training=training)


MODELS: Mapping[str, Callable[[RunConfig], RunConfig]] = {
    "tiny": lambda run: run,
    "minilm": lambda run: _minilm(run, ModelConfig(name="minilm", freeze=FROZEN), 3e-4),
    "minilm-lora": lambda run: _minilm(run, ModelConfig(name="minilm", adapter=AdapterConfig(r=16)), 1e-3),
}
"""By name: what the model makes of a run of the tiny one."""
MODEL_TITLES = {
    "tiny": "Learning curves of a tiny T5 from scratch",
    "minilm": "A pretrained encoder (MiniLM), embeddings and two of six layers frozen",
    "minilm-lora": "The same pretrained model, adapters of rank 16 (LoRA)",
}
