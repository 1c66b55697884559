"""Upserts a batch into a Delta table, asks its newest version with SQL, and looks at its first."""

import tempfile

from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, QueryBuilder, write_deltalake

TYPES = {"sku": DataType.string(), "stock": DataType.int64(), "price": DataType.float64()}


def table(rows):
    return Table.from_pydict({name: Array([row[name] for row in rows], kind) for name, kind in TYPES.items()})


def handler(event, context):
    with tempfile.TemporaryDirectory() as folder:
        write_deltalake(folder, table(event["first"]), configuration={"delta.logRetentionDuration": "interval 7 days"})
        lake = DeltaTable(folder)
        merge = lake.merge(
            table(event["second"]),
            predicate="target.sku = source.sku",
            source_alias="source",
            target_alias="target",
        )
        merged = merge.when_matched_update_all().when_not_matched_insert_all().execute()
        query = QueryBuilder().register("stock", lake)
        newest = Table(query.execute("SELECT sku, stock, stock * price AS value FROM stock ORDER BY sku"))
        first = Table(QueryBuilder().register("stock", DeltaTable(folder, version=0)).execute("SELECT stock FROM stock"))
        return {
            "version": lake.version(),
            "updated": merged["num_target_rows_updated"],
            "inserted": merged["num_target_rows_inserted"],
            "stock": dict(zip(newest["sku"].to_pylist(), newest["stock"].to_pylist())),
            "value": sum(newest["value"].to_pylist()),
            "stock_before": sum(first["stock"].to_pylist()),
        }
