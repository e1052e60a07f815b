"""Checks for samplers, Equipoise's own and others, in one call.

`check_sampler` needs only numpy. See docs/checking-samplers.md.
"""

from equipoise.testing.checking import SamplerFactory, check_sampler
from equipoise.testing.report import CheckResult, SamplerCheckError, SamplerReport
from equipoise.testing.table import CHECKS

__all__ = ["CHECKS", "CheckResult", "SamplerCheckError", "SamplerFactory", "SamplerReport", "check_sampler"]
