"""Images per second through Spark, beside what plain processes of ONNX Runtime reach on this machine, in one run.

    .venv/bin/python -m spark_tests.throughput [--images 200000] [--batch 64]

It needs a machine that does nothing else. The last line is the answer, as JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from multiprocessing.synchronize import Barrier
import os
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ["PYSPARK_PYTHON"] = sys.executable

from glean_certify.run.telemetry import onnx_runtime
from glean_certify.spark import certify, certify_parquet
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from tests.conftest import DIGITS, node
from tests.files import sha256_of

FILES = 32


def plain(images: str, begin: int, end: int, batch: int, ready: Barrier) -> None:
    """What a program without any check does: pixels in memory, one thread, the whole file."""
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(DIGITS), options, providers=["CPUExecutionProvider"])
    pixels = np.load(images)
    session.run(None, {"image": pixels[:batch].astype(np.float32)})
    ready.wait()
    for i in range(begin, end, batch):
        rows = np.arange(i, min(end, i + batch)) % len(pixels)
        session.run(["label", "radius"], {"image": pixels[rows].astype(np.float32) / np.float32(255)})
    ready.wait()


def plain_rate(images: str, count: int, batch: int, processes: int) -> float:
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    shares = [range(count)[count * p // processes : count * (p + 1) // processes] for p in range(processes)]
    running = [context.Process(target=plain, args=(images, share.start, share.stop, batch, ready)) for share in shares]
    for process in running:
        process.start()
    ready.wait()
    begin = time.perf_counter()
    ready.wait()
    seconds = time.perf_counter() - begin
    for process in running:
        process.join()
    return count / seconds


def spark_rates(table: str, count: int, batch: int, executors: int) -> tuple[float, float]:
    """Through Java, and with workers that read the files themselves."""
    spark = (
        SparkSession.builder.master(f"local-cluster[{executors},1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.files.openCostInBytes", str(2**27))
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")

    options: dict[str, Any] = {"sha256": sha256_of(DIGITS), "content": "pixels", "batch_size": batch}

    def seconds(answers: Any) -> float:
        begin = time.perf_counter()
        answers.write.format("noop").mode("overwrite").save()
        return time.perf_counter() - begin

    images = spark.read.parquet(table)
    # Starts the workers, which then load the model once.
    seconds(certify(images.limit(executors * batch).repartition(4 * executors), DIGITS, **options))
    through = count / seconds(certify(images, DIGITS, **options))
    direct = count / seconds(certify_parquet(spark, table, DIGITS, **options))
    spark.stop()
    return through, direct


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=64)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="glean-throughput-") as name:
        folder = Path(name)
        node("pipeline/oracle.ts", "answers", str(DIGITS), "cmnist", "64", name)
        digits = np.load(folder / "images.npy")
        (folder / "table").mkdir()
        for f in range(FILES):
            rows = np.arange(f, asked.images, FILES)
            column = pa.array([digits[i % len(digits)].tobytes() for i in rows], type=pa.binary())
            pq.write_table(pa.table({"id": rows, "image": column}), folder / "table" / f"{f:02}.parquet")
        count, batch = asked.images, asked.batch
        found: dict[str, Any] = {"images": count, "batch": batch, "cores": os.cpu_count()}
        for k in (1, 2):
            found[f"plain{k}"] = plain_rate(str(folder / "images.npy"), count, batch, k)
            found[f"spark{k}"], found[f"direct{k}"] = spark_rates(str(folder / "table"), count, batch, k)
        for kind in ("spark", "direct"):
            # A share of what plain processes do, and what two gain over one beside what two plain processes gain.
            found[f"{kind}OfPlain"] = [found[f"{kind}{k}"] / found[f"plain{k}"] for k in (1, 2)]
            gains = [found[f"{name}2"] / found[f"{name}1"] for name in (kind, "plain")]
            found[f"{kind}Scaling"] = gains
        print(json.dumps(found))


if __name__ == "__main__":
    main()
