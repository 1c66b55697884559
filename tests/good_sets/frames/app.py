"""Joins and aggregates lazily over Parquet and JSON lines, in several ways of asking."""

import io
import tempfile
from pathlib import Path

import polars as pl


def handler(event, context):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "orders.parquet")
        orders = pl.read_csv(io.StringIO(event["csv"]), try_parse_dates=True)
        orders.write_parquet(path, compression="zstd", statistics=True)
        names = pl.read_ndjson(io.BytesIO(event["names"].encode()))
        lazy = pl.scan_parquet(path).filter(pl.col("amount") > 1).join(names.lazy(), on="customer")
        totals = (
            lazy.group_by("name")
            .agg(pl.col("amount").sum(), pl.col("day").max().dt.to_string("%d.%m.").alias("last"))
            .sort("name")
            .collect(engine="streaming")
        )
        by_sql = pl.SQLContext(orders=orders).execute("SELECT COUNT(*) AS n FROM orders WHERE amount <= 1", eager=True)
    running = orders.select(pl.col("amount").cum_sum().over("customer"))["amount"].to_list()
    return {
        "totals": {row["name"]: [row["amount"], row["last"]] for row in totals.to_dicts()},
        "small": by_sql["n"][0],
        "running": running,
        "upper": names["name"].str.to_uppercase().str.extract(r"^(\w)", 1).to_list(),
    }
