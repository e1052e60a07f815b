"""The table of shares of a forecast: what changes has a row, and many stages fit in it."""

from dataclasses import replace

from equipoise import Census, Plan, Schedule

CENSUS = Census.from_counts({"large": {"no": 8900, "yes": 100}, "small": {"a": 90, "b": 10}})


def table(schedule, draws=None):
    """Return the table of a schedule as rows of strings."""
    headings, cells = schedule.forecast(draws).shares()
    return [headings, *cells]


def test_tasks_have_rows_where_only_they_change():
    rows = table(Schedule.build(CENSUS, "cooldown:2", draws=4000))
    assert rows == [
        ["task", "label", "from 0", "from 2,000"],
        ["large", "all", "90.5%", "98.9%"],
        ["small", "all", "9.5%", "1.1%"],
    ]


def test_labels_have_rows_where_only_they_change():
    rows = table(Schedule.build(CENSUS, "deferred:0.5", draws=4000))
    assert rows[1:] == [
        ["large", "no", "49.4%", "25.0%"],
        ["large", "yes", "0.6%", "25.0%"],
        ["small", "a", "45.0%", "25.0%"],
        ["small", "b", "5.0%", "25.0%"],
    ]


def test_both_have_rows_where_both_change():
    stages = {"name": "stages", "stages": [{"at": 0.5, "rates": "proportional", "weights": "natural"}]}
    rows = table(Schedule.build(CENSUS, stages, draws=4000))
    assert [row[:2] for row in rows[1:]] == [
        *(["large", label] for label in ("all", "no", "yes")),
        *(["small", label] for label in ("all", "a", "b")),
    ]


def test_a_plan_has_a_row_for_each_label():
    rows = table(Schedule([(0, Plan.build(CENSUS))]), draws=100)
    assert [row[2:] for row in rows[1:]] == [["45.2%"], ["4.8%"], ["37.5%"], ["12.5%"]]


def test_of_many_stages_six_are_shown_and_the_text_says_so():
    forecast = Schedule.build(CENSUS, "progressive:100", draws=40_000).forecast()
    headings, _ = forecast.shares()
    assert len(headings) == 2 + 6
    assert headings[2:][:: len(headings) - 3] == ["from 0", "from 39,600"]
    first = "100 stages in 40,000 draws; the table has 6 of them. Shares of the draws of each:"
    assert forecast.to_text().splitlines()[0] == first
    assert max(map(len, forecast.to_text().split("\n\n", 1)[0].splitlines())) <= 120


def test_a_forecast_of_some_rows_has_the_shares_of_these():
    forecast = Schedule.build(CENSUS, "deferred:0.5", draws=4000).forecast()
    some = replace(forecast, rows=forecast.rows[2:], tasks=forecast.tasks[1:])
    assert some.shares()[1] == forecast.shares()[1][2:]


def test_notebooks_show_the_picture_and_both_tables():
    html = Schedule.build(CENSUS, "deferred:0.5", draws=4000)._repr_html_()
    assert html.count("<svg") == 1
    assert html.count("<table>") == 3
    assert "2 stages in 4,000 draws." in html
    assert "<svg" not in Schedule([(0, Plan.build(CENSUS))])._repr_html_()
