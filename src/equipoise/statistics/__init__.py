"""Statistics of several trainings: means over seeds, paired differences, equivalence, power, tests, ranks."""

from equipoise.statistics.aggregates import interquartile_mean, probability_of_improvement
from equipoise.statistics.differences import Differences, difference_over_seeds
from equipoise.statistics.equivalence import DifferencePosterior, Probabilities, signed_rank_probabilities
from equipoise.statistics.hypotheses import MeanRanks, SignedRankTest, cliques, holm, mean_ranks, signed_rank
from equipoise.statistics.power import Needed, least_difference, needed
from equipoise.statistics.seeds import mean_interval, metric_replicates, simplest_within, standard_error_of_mean

__all__ = [
    "DifferencePosterior",
    "Differences",
    "MeanRanks",
    "Needed",
    "Probabilities",
    "SignedRankTest",
    "cliques",
    "difference_over_seeds",
    "holm",
    "interquartile_mean",
    "least_difference",
    "mean_interval",
    "mean_ranks",
    "metric_replicates",
    "needed",
    "probability_of_improvement",
    "signed_rank",
    "signed_rank_probabilities",
    "simplest_within",
    "standard_error_of_mean",
]
