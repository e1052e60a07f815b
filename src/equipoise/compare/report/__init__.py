"""The report of a comparison: one file for each part, which gathers its values and says how to show them."""

from equipoise.compare.report.story import Report, gather
from equipoise.compare.report.writing import write_report

__all__ = ["Report", "gather", "write_report"]
