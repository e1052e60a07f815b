"""The report of a comparison: one file for each part, which gathers its values and says how to show them."""

from equipoise.report.comparison.story import Report, gather
from equipoise.report.comparison.writing import write_report

__all__ = ["Report", "gather", "write_report"]
