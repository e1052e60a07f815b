"""What a person reads of a run: tables for the terminal, plots, and one self-contained HTML page."""
