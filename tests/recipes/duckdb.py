"""Queries in memory, and Parquet written and read."""

import os
import tempfile

import duckdb


def handler(event, context):
    connection = duckdb.connect()
    connection.execute("create table t as select range as x, range % 3 as y from range(100)")
    assert connection.execute("select y, sum(x) from t group by y order by y").fetchall()[1] == (1, 1617)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.parquet")
        connection.execute(f"copy t to '{path}' (format parquet)")
        assert connection.execute(f"select count(*) from '{path}'").fetchone() == (100,)
    return "ok"
