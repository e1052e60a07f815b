"""The calibration of a run: fitted on validation rows, measured by cross-fitting, written with a page."""
