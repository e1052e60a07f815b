"""The command `equipoise`."""

from equipoise.cli import _calibrate, _compare, _demo, _evaluate, _inspect, _plan, _predict, _report, _train
from equipoise.cli._app import app

for _command, _examples in (
    (_inspect.inspect, _inspect.EXAMPLES),
    (_plan.plan, _plan.EXAMPLES),
    (_train.train, _train.EXAMPLES),
    (_evaluate.evaluate, _evaluate.EXAMPLES),
    (_calibrate.calibrate, _calibrate.EXAMPLES),
    (_compare.compare, _compare.EXAMPLES),
    (_report.report, _report.EXAMPLES),
    (_predict.predict, _predict.EXAMPLES),
    (_demo.demo, _demo.EXAMPLES),
):
    app.command(epilog="\n\n".join(("Examples:", *_examples)))(_command)


def main() -> None:
    """Run the command line."""
    app()


__all__ = ["app", "main"]
