"""Keep the progress bars of other libraries off everything that is not a terminal."""

import sys


def bars_on_terminals_only() -> None:
    """Switch off the bars of transformers if standard error is a file or a pipe; our own know by themselves."""
    if sys.stderr.isatty():
        return
    from transformers.utils import logging

    logging.disable_progress_bar()
