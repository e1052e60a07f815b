"""The calibration of a run: fitted on validation rows, judged on test rows, written with a page."""
