"""The models that the study trains, each with the recipe that all methods share."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from equipoise.config import AdapterConfig, ModelConfig, RunConfig
from equipoise.models.minilm import load_minilm_tokenizer, minilm_folder

FROZEN = ("encoder.embeddings", "encoder.encoder.layer.0", "encoder.encoder.layer.1", "decoder.bert.embeddings")
LONG = 4


def words_of(labels: Iterable[str], vocabulary: Mapping[str, int]) -> dict[str, str]:
    """Return a word for each label, all different: of its own words, the first that no other label has.

    A pretrained model knows what words mean, and nothing of numbers that stand for labels. Long words are preferred,
    which mean something, and those of one token, because scores of labels cost what their tokens cost.

    Examples
    --------
    >>> words_of(["heart and chest", "in situ", "lung and chest"], {"heart": 0, "and": 1, "chest": 2, "situ": 3})
    {'heart and chest': 'heart', 'in situ': 'situ', 'lung and chest': 'lung'}
    """
    words = {label: re.findall(r"[a-z]{2,}", label.lower()) or [label] for label in sorted(labels)}
    count = Counter(word for of in words.values() for word in set(of))
    found: dict[str, str] = {}
    for label, of in words.items():
        ranked = sorted(of, key=lambda word: (count[word] > 1, len(word) < LONG, word not in vocabulary))
        found[label] = next((word for word in ranked if word not in found.values()), label)
    return found


def _in_words(run: RunConfig) -> RunConfig:
    vocabulary = load_minilm_tokenizer(minilm_folder()).get_vocab()
    tasks = {
        name: replace(options, verbalisers=words_of(options.verbalisers, vocabulary))
        for name, options in run.tasks.items()
    }
    return replace(run, tasks=tasks)


def _minilm(run: RunConfig, model: ModelConfig, learning_rate: float) -> RunConfig:
    training = replace(run.training, learning_rate=learning_rate, batch_size=16, warmup=0.1, validate_every=640)
    return replace(run, model=model, training=training)


MODELS: Mapping[str, Callable[[RunConfig], RunConfig]] = {
    "tiny": lambda run: run,
    "minilm": lambda run: _minilm(_in_words(run), ModelConfig(name="minilm", freeze=FROZEN), 5e-4),
    "minilm-numbers": lambda run: _minilm(run, ModelConfig(name="minilm", freeze=FROZEN), 5e-4),
    "minilm-lora": lambda run: _minilm(_in_words(run), ModelConfig(name="minilm", adapter=AdapterConfig(r=16)), 1e-3),
}
"""By name: what the model makes of a run of the tiny one."""
MODEL_TITLES = {
    "tiny": "Learning curves of a tiny T5 from scratch",
    "minilm": "A pretrained encoder (MiniLM), embeddings and two of six layers frozen",
    "minilm-numbers": "The same pretrained model, which knows words, and nothing of numbers that stand for labels",
    "minilm-lora": "The same pretrained model, adapters of rank 16 (LoRA)",
}
