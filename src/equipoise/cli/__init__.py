"""The command `equipoise`."""

import io
import os
import sys

from equipoise.cli import _advise, _cache, _calibrate, _compare, _evaluate, _init, _merge, _plan, _train
from equipoise.cli._app import app
from equipoise.cli._help import Command, examples
from equipoise.cli._options import expanded

for _command, _epilog in (
    (_init.init, examples(*_init.EXAMPLES)),
    (_plan.inspect, examples(*_plan.INSPECT_EXAMPLES)),
    (_advise.advise, examples(*_advise.EXAMPLES)),
    (_plan.plan, f"{examples(*_plan.EXAMPLES)}\n\n{_plan.SCHEMES}"),
    (_train.train, f"{examples(*_train.EXAMPLES)}\n\n{_train.RULES}"),
    (_evaluate.evaluate, examples(*_evaluate.EXAMPLES)),
    (_calibrate.calibrate, examples(*_calibrate.EXAMPLES)),
    (_compare.compare, examples(*_compare.EXAMPLES)),
    (_compare.report, examples(*_compare.REPORT_EXAMPLES)),
    (_evaluate.predict, examples(*_evaluate.PREDICT_EXAMPLES)),
    (_compare.demo, examples(*_compare.DEMO_EXAMPLES)),
    (_merge.merge, examples(*_merge.EXAMPLES)),
    (_cache.cache, examples(*_cache.EXAMPLES)),
    (_init.schema, examples(*_init.SCHEMA_EXAMPLES)),
):
    app.command(cls=Command, epilog=_epilog)(expanded(_command))


def main() -> None:
    """Run the command line."""
    # The other allocators of Arrow keep what was freed: gigabytes, after millions of rows.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a bare environment may have an encoding without the letters of data
        sys.stdout.reconfigure(errors="backslashreplace")
    app()


__all__ = ["app", "main"]
