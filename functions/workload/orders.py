"""Random orders, and their Parquet form.

What must stay true: the random numbers come only from the generator that the
caller passes in, the columns are exactly those of SCHEMA, and the Parquet is
compressed with Snappy, the one codec that slimmed-down builds of pyarrow (those
in public Lambda layers, for example) can be expected to have.
"""

from heavy import numpy, pandas, parquet, pyarrow

CATEGORIES = ("books", "clothing", "electronics", "garden", "groceries", "toys")
FIRST_DAY = numpy.datetime64("2025-01-01")
DAYS = 365

SCHEMA = pyarrow.schema(
    [
        pyarrow.field("order_id", pyarrow.int64(), nullable=False),
        pyarrow.field("category", pyarrow.string(), nullable=False),
        pyarrow.field("quantity", pyarrow.int32(), nullable=False),
        pyarrow.field("unit_price", pyarrow.float64(), nullable=False),
        pyarrow.field("order_date", pyarrow.date32(), nullable=False),
    ]
)


def make_orders(count, rng):
    """Return a DataFrame of `count` orders drawn from `rng`, a numpy Generator."""
    return pandas.DataFrame(
        {
            "order_id": rng.choice(10**12, size=count, replace=False),
            "category": rng.choice(CATEGORIES, size=count),
            "quantity": rng.integers(1, 20, size=count, endpoint=True, dtype="int32"),
            "unit_price": rng.integers(100, 50_000, size=count) / 100,
            "order_date": FIRST_DAY + rng.integers(0, DAYS, size=count),
        }
    )


def to_parquet(orders):
    """Return the orders as the bytes of a Parquet file."""
    table = pyarrow.Table.from_pandas(orders, schema=SCHEMA, preserve_index=False)
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink, compression="snappy")
    return sink.getvalue().to_pybytes()
