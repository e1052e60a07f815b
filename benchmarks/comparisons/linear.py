"""What linear models do on the same rows: one logistic regression a task, trained on all of its training rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from transformers import AutoModel, AutoTokenizer

from equipoise.data import Records
from equipoise.metrics import TaskPredictions
from equipoise.models.minilm import minilm_folder

from .thresholds import fitted_thresholds

WORDS = r"[^ ,;]+"
MAX_TOKENS = 128
AT_ONCE = 64
Features = Callable[[], Any]
"""Makes the part of a pipeline that turns texts into numbers."""


def tfidf(_: Records) -> Features:
    """Make TF-IDF of words and pairs of words."""
    return partial(TfidfVectorizer, token_pattern=WORDS, ngram_range=(1, 2))


def embeddings(records: Records) -> Features:
    """Look up embeddings of the pretrained all-MiniLM-L6-v2, which is not trained: the mean over the tokens of a text.

    Each different text of the records is embedded once. Numbers have variance 1, so that the penalty is alike for all.
    """
    texts = sorted(set(records.column("input").to_pylist()), key=len)  # batches of like lengths
    folder = minilm_folder()
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    parts = [_embedded(model, tokenizer, texts[first : first + AT_ONCE]) for first in range(0, len(texts), AT_ONCE)]
    vectors = np.concatenate(parts)
    place = {text: number for number, text in enumerate(texts)}

    def look_up(asked: Sequence[str]) -> np.ndarray:
        return vectors[[place[text] for text in asked]]

    return lambda: make_pipeline(FunctionTransformer(look_up), StandardScaler())


def _embedded(model: Any, tokenizer: Any, texts: list[str]) -> np.ndarray:
    batch = tokenizer(texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    with torch.inference_mode():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    return ((states * mask).sum(1) / mask.sum(1)).numpy()


@dataclass(frozen=True)
class Fitted:
    """What a model of one task predicts for the test rows, and what thresholds are fitted on."""

    test: TaskPredictions
    validation: np.ndarray
    """p(label | x) of the validation rows, shape (rows, labels)."""
    targets: Sequence[str]
    """The labels of the validation rows."""

    def with_thresholds(self) -> TaskPredictions:
        """Answer with the label whose probability is highest in multiples of its threshold."""
        thresholds = fitted_thresholds(self.validation, self.targets, self.test.labels)
        return replace(self.test, predicted=_answers(self.test.probabilities / thresholds, self.test.labels))


def fitted(records: Records, features: Callable[[Records], Features], class_weight: str | None) -> dict[str, Fitted]:
    """Fit a model of each task on its training rows; rows are counted in the test split of all tasks."""
    train, test = records.where(split="train"), records.where(split="test")
    tasks_of_test = np.array(test.column("task").to_pylist())
    made = features(records)
    found: dict[str, Fitted] = {}
    for task in train.tasks:
        texts, targets = _texts_and_targets(train.where(task=task))
        model = make_pipeline(made(), LogisticRegression(class_weight=class_weight, max_iter=2000))
        model.fit(texts, targets)
        rows = test.where(task=task)
        here, truth = _texts_and_targets(rows)
        labels = tuple(str(label) for label in model.classes_)
        probabilities = model.predict_proba(here)
        said = TaskPredictions(
            task,
            truth,
            _answers(probabilities, labels),
            labels,
            probabilities,
            groups=rows.column("group").to_pylist(),
            rows=np.flatnonzero(tasks_of_test == task),
        )
        checked, answers = _texts_and_targets(records.where(split="validation", task=task))
        found[task] = Fitted(said, model.predict_proba(checked), answers)
    return found


def _answers(scores: np.ndarray, labels: Sequence[str]) -> list[str]:
    return [labels[best] for best in scores.argmax(1).tolist()]


def _texts_and_targets(records: Records) -> tuple[list[str], list[str]]:
    return records.column("input").to_pylist(), records.column("target").to_pylist()


@dataclass(frozen=True)
class Baseline:
    """A linear model: what it sees, how labels weigh in its loss, and whether it has thresholds."""

    title: str
    features: Callable[[Records], Features] = tfidf
    class_weight: str | None = None
    has_thresholds: bool = False

    def predictions(self, records: Records) -> dict[str, TaskPredictions]:
        """Predict the test rows; by task."""
        found = fitted(records, self.features, self.class_weight)
        return {task: each.with_thresholds() if self.has_thresholds else each.test for task, each in found.items()}


BASELINES: Mapping[str, Baseline] = {
    "tfidf": Baseline("TF-IDF + logistic regression"),
    "tfidf-balanced": Baseline("TF-IDF + logistic regression, balanced class weights", class_weight="balanced"),
    "tfidf-thresholds": Baseline(
        "TF-IDF + logistic regression, thresholds fitted on validation rows", has_thresholds=True
    ),
    "minilm-balanced": Baseline(
        "MiniLM embeddings, not trained, + logistic regression, balanced class weights", embeddings, "balanced"
    ),
}
