"""Rows on disk: a source is read once, batch by batch, into columns that are mapped into memory afterwards."""
