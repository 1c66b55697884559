"""What people use pyarrow for."""

import io
import os
import tempfile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.feather
import pyarrow.fs
import pyarrow.ipc
import pyarrow.json
import pyarrow.orc
import pyarrow.parquet as pq


def handler(event, context):
    table = pa.table({"key": ["a", "b", "a"], "value": [1, 2, 3], "at": pa.array([0, 1, 2], pa.timestamp("ms"))})
    totals = table.group_by("key").aggregate([("value", "sum")]).sort_by("key")
    assert totals["value_sum"].to_pylist() == [4, 2]
    assert pc.sum(table["value"]).as_py() == 6
    assert table.filter(pc.field("value") > 1).num_rows == 2
    joined = table.join(pa.table({"key": ["a"], "name": ["A"]}), "key")
    assert joined.num_rows == 3
    with tempfile.TemporaryDirectory() as folder:
        for codec in ("snappy", "zstd", "gzip", "brotli", "lz4"):
            path = os.path.join(folder, codec)
            pq.write_table(table, path, compression=codec)
            assert pq.read_table(path) == table
        parts = os.path.join(folder, "parts")
        pq.write_to_dataset(table, parts, partition_cols=["key"])
        read = ds.dataset(parts, partitioning="hive").to_table(filter=ds.field("key") == "a")
        assert read.num_rows == 2
        files = pyarrow.fs.LocalFileSystem()
        assert len(files.get_file_info(pyarrow.fs.FileSelector(parts))) == 2
        found, path = pyarrow.fs.FileSystem.from_uri("file://" + parts)
        assert isinstance(found, pyarrow.fs.LocalFileSystem) and path == parts
        assert pq.read_table(parts, filesystem=files).num_rows == 3
        feather = os.path.join(folder, "feather")
        pyarrow.feather.write_feather(table, feather)
        assert pyarrow.feather.read_table(feather) == table
        orc = os.path.join(folder, "orc")
        pyarrow.orc.write_table(table.drop(["at"]), orc)
        assert ds.dataset(orc, format="orc").to_table().num_rows == 3
    assert pyarrow.csv.read_csv(io.BytesIO(b"a,b\n1,2\n")).to_pylist() == [{"a": 1, "b": 2}]
    assert pyarrow.json.read_json(io.BytesIO(b'{"a": 1}\n')).to_pylist() == [{"a": 1}]
    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert pyarrow.ipc.open_stream(sink.getvalue()).read_all() == table
    pa.show_info()
