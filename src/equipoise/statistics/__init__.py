"""Statistics of several trainings: means over seeds, paired differences, tests, ranks, one-standard-error rule."""

from equipoise.statistics.differences import Differences, difference_over_seeds
from equipoise.statistics.hypotheses import MeanRanks, SignedRankTest, cliques, holm, mean_ranks, signed_rank
from equipoise.statistics.seeds import mean_interval, metric_replicates, simplest_within, standard_error_of_mean

__all__ = [
    "Differences",
    "MeanRanks",
    "SignedRankTest",
    "cliques",
    "difference_over_seeds",
    "holm",
    "mean_interval",
    "mean_ranks",
    "metric_replicates",
    "signed_rank",
    "simplest_within",
    "standard_error_of_mean",
]
