"""What a linear model does on the same rows: TF-IDF and logistic regression, one model a task."""

import statistics

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, recall_score
from sklearn.pipeline import make_pipeline

from equipoise.data import Records

WORDS = r"[^ ,;]+"


def linear(records: Records, class_weight: str | None) -> dict[str, float]:
    """Mean over the tasks of macro-F1 and balanced accuracy on the test rows, trained on all training rows."""
    scores: dict[str, list[float]] = {"macro_f1": [], "balanced_accuracy": []}
    known = records.where(split="train").tasks
    for task in known:
        train, test = records.where(split="train", task=task), records.where(split="test", task=task)
        model = make_pipeline(
            TfidfVectorizer(token_pattern=WORDS, ngram_range=(1, 2)),
            LogisticRegression(class_weight=class_weight, max_iter=2000),
        )
        model.fit(train.column("input").to_pylist(), train.column("target").to_pylist())
        truth = test.column("target").to_pylist()
        answers = model.predict(test.column("input").to_pylist())
        # As Equipoise counts: labels with test rows and with training rows.
        labels = sorted(set(truth) & set(train.column("target").to_pylist()))
        fixed = {"labels": labels, "average": "macro", "zero_division": 0}
        scores["macro_f1"].append(f1_score(truth, answers, **fixed))
        scores["balanced_accuracy"].append(recall_score(truth, answers, **fixed))
    return {metric: statistics.mean(values) for metric, values in scores.items()}
