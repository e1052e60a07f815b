"""Predicting labels: answers alone beside the scores of all labels, constrained and free generation."""

from command import run
from comparisons import label_counts

if __name__ == "__main__":
    run("scoring", __doc__ or "", {"labels": label_counts})
