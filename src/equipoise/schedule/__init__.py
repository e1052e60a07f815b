"""Shares that change during a training: plans one after another, and the recipes that make them."""

from equipoise.schedule.annealed import Annealed
from equipoise.schedule.cooldown import Cooldown
from equipoise.schedule.deferred import Deferred
from equipoise.schedule.difference import differences
from equipoise.schedule.forecast import ScheduleForecast
from equipoise.schedule.linear import Linear
from equipoise.schedule.progressive import Progressive
from equipoise.schedule.recipe import Recipe, Step
from equipoise.schedule.replanned import Drawable, Replanned, read_drawable
from equipoise.schedule.schedule import Schedule
from equipoise.schedule.stages import Stages

__all__ = [
    "Annealed",
    "Cooldown",
    "Deferred",
    "Drawable",
    "Linear",
    "Progressive",
    "Recipe",
    "Replanned",
    "Schedule",
    "ScheduleForecast",
    "Stages",
    "Step",
    "differences",
    "read_drawable",
]
