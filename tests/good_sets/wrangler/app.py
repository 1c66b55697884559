"""Prepares a frame for Athena: clean column names, its types in the Glue catalog, a Parquet file."""

import tempfile
from datetime import date
from pathlib import Path

import awswrangler as wr
import pandas as pd
import pyarrow.parquet as pq


def handler(event, context):
    frame = pd.DataFrame(event["rows"])
    frame["Shipped On"] = [date.fromisoformat(day) for day in frame["Shipped On"]]
    frame = wr.catalog.sanitize_dataframe_columns_names(frame)
    columns, partitions = wr.catalog.extract_athena_types(frame, partition_cols=["region"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "orders.parquet")
        frame.to_parquet(path, compression="snappy", index=False)
        rows = pq.read_table(path).num_rows
    return {"columns": columns, "partitions": partitions, "rows": rows}
