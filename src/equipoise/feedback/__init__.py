"""Feedback: the next plan from validation scores and training losses, one rule a file."""

from equipoise.base.schemes import class_named
from equipoise.feedback.art import ART
from equipoise.feedback.base import Feedback
from equipoise.feedback.history import Decision, Scores
from equipoise.feedback.limits import within_limits
from equipoise.feedback.odm import ODM
from equipoise.feedback.stop_task import StopTask

__all__ = ["ART", "ODM", "Decision", "Feedback", "Scores", "StopTask", "within_limits"]


def __getattr__(name: str) -> type[Feedback]:
    """Return the rule of any further file of this package."""
    return class_named(Feedback, name)
