import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises, warns

from equipoise import Census
from equipoise.errors import DataError, DataWarning

ROWS = pa.table({"task": ["a", "a", "b", "b", "a"], "label": ["x", "x", "free", None, "y"]})
COUNTED = Census.from_counts({"a": {"x": 2, "y": 1}, "b": 2})


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.register("examples", ROWS)
        yield opened


def test_rows_are_counted(connection):
    assert Census.from_sql("SELECT * FROM examples -- all", connection=connection, open_ended_tasks=["b"]) == COUNTED
    assert Census.from_sql(connection.table("examples"), open_ended_tasks=["b"]) == COUNTED
    assert Census.from_sql("SELECT task, label FROM examples WHERE label = ?", ["y"], connection=connection).total == 1


def test_counts_are_added_up(connection):
    query = "SELECT task, label, count(*) AS count FROM examples GROUP BY ALL UNION ALL SELECT 'a', 'x', 5"
    counted = Census.from_sql(query, connection=connection, open_ended_tasks=["b"])
    assert counted == COUNTED + Census.from_counts({"a": {"x": 5}})
    summed = f"SELECT task, label, sum(count) AS count FROM ({query}) GROUP BY ALL"
    assert Census.from_sql(summed, connection=connection, open_ended_tasks=["b"]) == counted


def test_files_are_named_by_parameters(tmp_path):
    for name in ("it's 1.parquet", "it's 2.parquet"):
        pq.write_table(ROWS, tmp_path / name)
    for files in (str(tmp_path / "it's *.parquet"), [str(path) for path in tmp_path.iterdir()]):
        query = "SELECT task, label FROM read_parquet($files)"
        assert Census.from_sql(query, {"files": files}, open_ended_tasks=["b"]) == COUNTED + COUNTED


@pytest.mark.parametrize("name", ["b') OR 1=1 --", 'quo"te', "x; DROP TABLE y"])
def test_names_of_tasks_are_no_sql(name):
    table = pa.table({"task": [name, "a"], "label": ["one", "two"]})
    with duckdb.connect() as opened:
        opened.register("examples", table)
        census = Census.from_sql("FROM examples", connection=opened, open_ended_tasks=[name])
    assert census.to_dict() == {name: 1, "a": {"two": 1}}


def test_values_become_text_as_in_tables(connection):
    query = "SELECT 1 AS task, unnest([true, true, false]) AS label"
    assert Census.from_sql(query).to_dict() == {"1": {"false": 1, "true": 2}}
    query = "SELECT 1 AS task, unnest([1.0::DOUBLE, 0.1]) AS label"
    assert Census.from_sql(query).to_dict() == {"1": {"0.1": 1, "1.0": 1}}
    query = "SELECT 'a' AS task, 'x'::ENUM('x', 'y') AS label"
    assert Census.from_sql(query).to_dict() == {"a": {"x": 1}}


def test_rows_without_a_label_are_skipped_if_so_chosen(connection):
    queries = ("FROM examples", "SELECT task, label, count(*) AS count FROM examples GROUP BY ALL")
    for query in queries:
        with warns(DataWarning, "missing-labels") as caught:
            census = Census.from_sql(query, connection=connection, missing_labels="skip")
        assert str(caught[0].message) == "1 of 5 rows have no label and are skipped: 'b' 1."
        assert census.to_dict() == {"a": {"x": 2, "y": 1}, "b": {"free": 1}}
        assert Census.from_sql(query, connection=connection, open_ended_tasks=["b"], missing_labels="skip") == COUNTED


@pytest.mark.parametrize(
    ("query", "code", "names"),
    [
        ("SELEC", "query-failed", ["DuckDB cannot count the rows of the query:"]),
        ("SELECT task, label FROM nowhere", "query-failed", ["nowhere does not exist"]),
        ("SELECT 1 AS kind, 2 AS label", "missing-column", ["`task`", "found kind, label. Rename them"]),
        ("CREATE TABLE made (a INT)", "missing-column", ["`task` and `label`, found"]),
        (None, "missing-column", ["`task`", "found no rows"]),
        ("SELECT 'a' AS task, NULL AS label", "nulls", ["found"]),
        ("SELECT NULL AS task, 'x' AS label", "nulls", ["found"]),
        ("SELECT 'a' AS task, DATE '2020-01-01' AS label", "bad-value", ["has the type date32"]),
        ("SELECT 'a' AS task, 'x' AS label, -1 AS count", "not-an-integer", ["found nulls or negative values"]),
        ("SELECT 'a' AS task, 'x' AS label, 0.5 AS count", "not-an-integer", ["found other values"]),
    ],
)
def test_queries_that_cannot_be_counted(query, code, names):
    with raises(DataError, code, *names):
        Census.from_sql(query)


def test_an_open_task_without_rows(connection):
    with raises(DataError, "unknown-task", "found ['c'], which have no rows"):
        Census.from_sql("FROM examples", connection=connection, open_ended_tasks=["b", "c"])


def test_without_duckdb(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with raises(DataError, "missing-package", "`duckdb`"):
        Census.from_sql("SELECT 1")


@pytest.mark.parametrize("counts", ["count(*)", '5 AS "Count"', "count(*) AS counts"])
def test_counts_by_another_name_are_not_taken_for_one_example_each(counts):
    with raises(DataError, "misnamed-column", "must call its counts `count`"):
        Census.from_sql(f"SELECT 'a' AS task, 'x' AS label, {counts} FROM range(3) GROUP BY ALL")
