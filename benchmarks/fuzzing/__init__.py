"""Broken input: what reads it, and how valid input is broken. The tests and the campaign share both."""
