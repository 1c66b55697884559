"""The orders have the right columns, and two Parquet readers agree on them."""

import datetime
import io

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

COLUMNS = ["order_id", "category", "quantity", "unit_price", "order_date"]


@pytest.fixture
def parquet_file(workload, s3, bucket, tmp_path):
    """A file that a job has stored, fetched back."""
    workload("job").run_job(bucket, "orders.parquet")
    path = tmp_path / "orders.parquet"
    path.write_bytes(s3.get_object(Bucket=bucket, Key="orders.parquet")["Body"].read())
    return path


def make_orders(workload, count, seed):
    return workload("orders").make_orders(
        count, workload("numpy").random.default_rng(seed)
    )


def test_the_same_seed_makes_the_same_orders(workload):
    first = make_orders(workload, 50, seed=7)
    assert first.equals(make_orders(workload, 50, seed=7))
    assert not first.equals(make_orders(workload, 50, seed=8))


def test_values_are_in_range(workload):
    orders = make_orders(workload, 5_000, seed=1)
    assert list(orders.columns) == COLUMNS
    assert len(orders) == 5_000
    assert orders["order_id"].is_unique
    assert set(orders["category"]) == set(workload("orders").CATEGORIES)
    assert orders["quantity"].min() == 1
    assert orders["quantity"].max() == 20
    assert orders["unit_price"].between(1, 500).all()
    assert orders["order_date"].between("2025-01-01", "2025-12-31").all()


@pytest.mark.parametrize("count", [0, 1])
def test_few_orders_still_make_a_valid_file(workload, count):
    body = workload("orders").to_parquet(make_orders(workload, count, seed=1))
    assert pyarrow.parquet.read_table(io.BytesIO(body)).num_rows == count


def test_pyarrow_reads_a_stored_file(parquet_file):
    table = pyarrow.parquet.read_table(parquet_file)
    assert table.num_rows == 1_000
    assert table.column_names == COLUMNS
    assert table.schema.types == [
        pyarrow.int64(),
        pyarrow.string(),
        pyarrow.int32(),
        pyarrow.float64(),
        pyarrow.date32(),
    ]
    assert all(column.null_count == 0 for column in table.columns)


def test_duckdb_reads_a_stored_file(parquet_file):
    with duckdb.connect() as database:
        relation = database.read_parquet(str(parquet_file))
        assert relation.columns == COLUMNS
        types = [str(kind) for kind in relation.types]
        rows = relation.fetchall()
    assert types == ["BIGINT", "VARCHAR", "INTEGER", "DOUBLE", "DATE"]
    assert len(rows) == 1_000
    assert all(row[4].year == 2025 and type(row[4]) is datetime.date for row in rows)


def test_both_readers_see_the_same_values(parquet_file):
    with duckdb.connect() as database:
        by_duckdb = database.read_parquet(str(parquet_file)).fetchall()
    by_pyarrow = pyarrow.parquet.read_table(parquet_file).to_pylist()
    assert by_duckdb == [tuple(row.values()) for row in by_pyarrow]
