"""The command `equipoise`."""

from equipoise.cli import _calibrate, _compare, _demo, _evaluate, _inspect, _plan, _predict, _report, _train
from equipoise.cli._app import Command, app, examples

for _command, _epilog in (
    (_inspect.inspect, examples(*_inspect.EXAMPLES)),
    (_plan.plan, f"{examples(*_plan.EXAMPLES)}\n\n{_plan.SCHEMES}"),
    (_train.train, examples(*_train.EXAMPLES)),
    (_evaluate.evaluate, examples(*_evaluate.EXAMPLES)),
    (_calibrate.calibrate, examples(*_calibrate.EXAMPLES)),
    (_compare.compare, examples(*_compare.EXAMPLES)),
    (_report.report, examples(*_report.EXAMPLES)),
    (_predict.predict, examples(*_predict.EXAMPLES)),
    (_demo.demo, examples(*_demo.EXAMPLES)),
):
    app.command(cls=Command, epilog=_epilog)(_command)


def main() -> None:
    """Run the command line."""
    app()


__all__ = ["app", "main"]
