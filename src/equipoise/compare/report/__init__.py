"""The report of a comparison: one file for each part, which gathers its values and makes its section of the page."""

from equipoise.compare.report.report import Report, gather, write_report

__all__ = ["Report", "gather", "write_report"]
