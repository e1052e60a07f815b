"""Count the tasks and labels of a query's rows in DuckDB."""

from collections.abc import Collection
from contextlib import nullcontext
from typing import Any

import pyarrow as pa

from equipoise.census.labels import MissingLabels
from equipoise.census.tally import Cell, count_table
from equipoise.errors import DataError


def count_query(
    query: Any, parameters: Any, connection: Any, open_ended_tasks: Collection[str], missing_labels: MissingLabels
) -> dict[Cell, int]:
    """Count the rows of a query, or raise a DataError; see `equipoise.Census.from_sql`."""
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = 'counting by SQL needs `duckdb`, which is not installed. Install it: pip install "equipoise[duckdb]".'
        raise DataError("missing-package", message) from error
    try:
        is_alone = isinstance(query, str) and connection is None
        opening: Any = duckdb.connect() if is_alone else nullcontext(connection)
        with opening as opened:
            relation = opened.sql(query, params=parameters) if isinstance(query, str) else query
            table = _counts(duckdb, relation, open_ended_tasks)
    except duckdb.Error as error:
        raise DataError("query-failed", f"DuckDB cannot count the rows of the query: {error}") from error
    return count_table(table, "task", "label", open_ended_tasks, "count", missing_labels)


def _counts(duckdb: Any, relation: Any, open_ended_tasks: Collection[str]) -> pa.Table:
    """Count in DuckDB, unless the rows are counts already; an open-ended task becomes one row."""
    columns: list[str] = getattr(relation, "columns", [])
    if not {"task", "label"} <= set(columns):
        raise DataError(
            "missing-column",
            f"`query` must return the columns `task` and `label`, found {', '.join(columns) or 'no rows'}. Rename them"
            " in it: `kind AS task, answer AS label`.",
        )
    odd = [name for name in columns if name != "count" and name.casefold().startswith("count")]
    if odd:
        message = f"`query` must call its counts `count`, found the column {odd[0]!r}. Write `count(*) AS count`."
        raise DataError("misnamed-column", message)
    if "count" not in columns:
        label = duckdb.ColumnExpression("label")
        if open_ended_tasks:
            names = [duckdb.ConstantExpression(name) for name in sorted(open_ended_tasks)]
            is_open = duckdb.ColumnExpression("task").cast("VARCHAR").isin(*names)
            label = duckdb.CaseExpression(is_open, duckdb.ConstantExpression(None)).otherwise(label).alias("label")
        relation = relation.select(duckdb.ColumnExpression("task"), label)
        relation = relation.aggregate("task, label, count(*) AS count", "task, label")
    elif str(relation.types[columns.index("count")]).startswith("DECIMAL"):
        # Older versions of Arrow have no narrow decimals; counts that are integers are unchanged.
        names = [duckdb.ColumnExpression(name) for name in ("task", "label")]
        relation = relation.select(*names, duckdb.ColumnExpression("count").cast("DOUBLE").alias("count"))
    return relation.to_arrow_table()
