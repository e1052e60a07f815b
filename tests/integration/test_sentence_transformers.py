"""`StreamMixin` before the Trainer of sentence-transformers: on the plan's stream, or refused in one line."""

from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from tests.support.errors import raises
from tests.support.trainers import (
    COMMON,
    FIRST,
    ROWS,
    assert_follows_the_plan_and_resumes,
    quiet,
    recording,
    sampler,
    tokenizer,
)

from equipoise.errors import ConfigError


def sentences(folder: Path, **options: Any) -> Any:
    """A Trainer of sentence-transformers, whose loader takes batches of its own."""
    package = pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    from sentence_transformers.losses import CosineSimilarityLoss
    from sentence_transformers.models import StaticEmbedding

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = package.SentenceTransformer(modules=[StaticEmbedding(tokenizer(), embedding_dim=8)], device="cpu")
    pairs = {"one": [f"r{row}" for row in range(ROWS)], "two": ["yes"] * ROWS, "score": [0.0, 1.0] * (ROWS // 2)}
    rows = datasets.Dataset.from_dict(pairs)
    return recording(package.SentenceTransformerTrainer, lambda batch: (batch["one_input_ids"] - FIRST).tolist())(
        model,
        package.SentenceTransformerTrainingArguments(str(folder), **COMMON | options),
        train_dataset=rows,
        eval_dataset=rows,
        loss=CosineSimilarityLoss(model),
        sampler=sampler(),
    )


@pytest.mark.slow
def test_sentence_transformers_follow_the_plan(tmp_path) -> None:
    assert_follows_the_plan_and_resumes(sentences, tmp_path)


def test_evaluation_of_sentence_transformers_is_left_as_it_is(tmp_path) -> None:
    with quiet():
        trainer = sentences(tmp_path)
        trainer.eval_dataset = trainer.train_dataset
        seen = [row for batch in trainer.get_eval_dataloader() for row in (batch["one_input_ids"] - FIRST).tolist()]
    assert sorted(seen) == list(range(ROWS))


@pytest.mark.parametrize("batches", ["no_duplicates", "group_by_label"])
def test_sentence_transformers_with_batches_of_their_own_are_refused(tmp_path, batches) -> None:
    with quiet(), raises(ConfigError, "own-order") as caught:
        sentences(tmp_path / "out", batch_sampler=batches).train()
    assert "`get_batch_sampler` of BaseTrainer makes a Dataset" in str(caught.value)


def test_several_training_sets_of_sentence_transformers_are_refused(tmp_path) -> None:
    with quiet():
        trainer = sentences(tmp_path / "out")
        trainer.train_dataset = datasets.DatasetDict(a=trainer.train_dataset, b=trainer.train_dataset)
        with raises(ConfigError, "other-dataset", "index of 100 rows and 2 examples"):
            trainer.train()
