"""Writes partitioned Parquet with SQL, asks it with a window function, and hands the answer on as Arrow."""

import tempfile

import duckdb
import pyarrow.compute as pc


def handler(event, context):
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as database:
        database.execute(f"SET temp_directory = '{folder}/spill'")
        database.execute(
            f"""
            COPY (
                SELECT i AS id, i % 3 AS customer, DATE '2026-01-01' + (i % 2)::INTEGER AS day, i * 1.5 AS amount
                FROM range({int(event["rows"])}) AS numbers(i)
            ) TO '{folder}/sales' (FORMAT parquet, PARTITION_BY (day), COMPRESSION zstd)
            """
        )
        last = database.sql(
            f"""
            SELECT customer, id, amount, SUM(amount) OVER (PARTITION BY customer ORDER BY id) AS running
            FROM read_parquet('{folder}/sales/**/*.parquet', hive_partitioning = true)
            QUALIFY ROW_NUMBER() OVER (PARTITION BY customer ORDER BY id DESC) = 1
            ORDER BY customer
            """
        ).to_arrow_table()
        days = database.sql(
            f"SELECT day::VARCHAR, COUNT(*) FROM '{folder}/sales/*/*.parquet' GROUP BY day ORDER BY day"
        ).fetchall()
        tags = database.execute("SELECT list_transform(json_extract_string(?, '$[*]'), lambda tag: upper(tag))", ['["a","b"]'])
        return {
            "last": last["id"].to_pylist(),
            "running": [float(total) for total in last["running"].to_pylist()],
            "total": float(pc.sum(last["running"]).as_py()),
            "days": dict(days),
            "tags": tags.fetchone()[0],
        }
