"""Checks for samplers, Equipoise's own and others: one call, clear failures.

`check_sampler` needs numpy alone. See docs/checking-samplers.md.
"""

from equipoise.testing.checking import CHECKS, SamplerFactory, check_sampler
from equipoise.testing.report import CheckResult, SamplerCheckError, SamplerReport

__all__ = ["CHECKS", "CheckResult", "SamplerCheckError", "SamplerFactory", "SamplerReport", "check_sampler"]
