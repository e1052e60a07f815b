"""Checks for samplers, Equipoise's own and others, in one call.

`check_sampler` needs only numpy. See the page "Checking samplers" of the documentation.
"""

from equipoise.testing.checking import CHECKS, SamplerFactory, check_sampler
from equipoise.testing.report import CheckResult, SamplerCheckError, SamplerReport

__all__ = ["CHECKS", "CheckResult", "SamplerCheckError", "SamplerFactory", "SamplerReport", "check_sampler"]
