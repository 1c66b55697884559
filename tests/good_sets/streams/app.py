"""Packs events in the usual formats, sends them to an in-process Kafka, and keeps them in a file system."""

import asyncio
import io

import aiohttp
import confluent_kafka
import fastavro
import fsspec
import msgpack
import orjson
import s3fs
import zstandard
from confluent_kafka.serialization import IntegerDeserializer, IntegerSerializer

SCHEMA = fastavro.parse_schema(
    {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}, {"name": "tag", "type": "string"}]}
)


async def session():
    async with aiohttp.ClientSession(headers={"x-test": "1"}) as client:
        return client.headers["x-test"]


def send(payload):
    # librdkafka brings a cluster for tests, which lives in this process.
    delivered = []
    producer = confluent_kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "", "compression.type": "zstd"})
    producer.produce("orders", payload, on_delivery=lambda error, message: delivered.append([error, message.offset()]))
    producer.flush(30)
    return delivered


def handler(event, context):
    orders = event["orders"]
    avro = io.BytesIO()
    fastavro.writer(avro, SCHEMA, orders, codec="deflate")
    avro.seek(0)
    packed = zstandard.compress(msgpack.packb(orders))
    lake = fsspec.filesystem("memory")
    with lake.open("/lake/orders.json.gz", "wb", compression="gzip") as file:
        file.write(orjson.dumps(orders, option=orjson.OPT_SORT_KEYS))
    with fsspec.open("memory://lake/orders.json.gz", "rb", compression="infer") as file:
        stored = orjson.loads(file.read())
    bucket, key, _ = s3fs.S3FileSystem(anon=True, asynchronous=True).split_path("s3://lake/2026/orders.parquet")
    return {
        "avro": list(fastavro.reader(avro)) == orders,
        "msgpack": msgpack.unpackb(zstandard.decompress(packed)) == orders,
        "json": stored == orders,
        "bytes": orjson.dumps(orders[0]).decode(),
        "kafka": send(packed),
        "integer": IntegerDeserializer()(IntegerSerializer()(7, None), None),
        "s3": [bucket, key],
        "session": asyncio.run(session()),
    }
