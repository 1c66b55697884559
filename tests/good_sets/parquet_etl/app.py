"""Cleans a day's orders, stores them as partitioned Parquet, and reads one country back."""

import io
import tempfile

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq


def handler(event, context):
    orders = pd.read_csv(io.StringIO(event["csv"]), parse_dates=["ordered_at"])
    orders = orders.drop_duplicates("order_id").dropna(subset=["amount"])
    orders["country"] = orders["country"].str.strip().str.upper()
    table = pa.Table.from_pandas(orders, preserve_index=False)
    with tempfile.TemporaryDirectory() as folder:
        options = ds.ParquetFileFormat().make_write_options(compression="zstd")
        ds.write_dataset(
            table, folder, format="parquet", partitioning=["country"], partitioning_flavor="hive", file_options=options
        )
        stored = ds.dataset(folder, partitioning="hive")
        german = stored.to_table(filter=ds.field("country") == "DE")
        statistics = [
            pq.read_metadata(path).row_group(0).column(2).statistics.max for path in sorted(stored.files)
        ]
    by_day = german.to_pandas().groupby(pd.Grouper(key="ordered_at", freq="D"))["amount"].sum()
    return {
        "rows": table.num_rows,
        "german_total": pc.sum(german["amount"]).as_py(),
        "german_days": {day.strftime("%A"): total for day, total in by_day.items()},
        "largest_by_country": statistics,
    }
