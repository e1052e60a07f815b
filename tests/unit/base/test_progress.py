import io
import time

from equipoise.base.progress import progress, stage


def test_rows_without_a_total_are_counted_in_lines() -> None:
    shown = io.StringIO()
    with progress(None, "reading", "row", stream=shown, every=0) as bar:
        bar.update(5)
        bar.update(7)
    assert shown.getvalue().splitlines()[-1] == "reading: row 12"


def test_short_work_says_nothing_and_long_work_is_named_once() -> None:
    shown = io.StringIO()
    with stage("splitting", stream=shown, after=30):
        pass
    time.sleep(0.05)
    assert shown.getvalue() == ""
    with stage("splitting", stream=shown, after=0):
        time.sleep(0.2)
    assert shown.getvalue() == "splitting\n"
