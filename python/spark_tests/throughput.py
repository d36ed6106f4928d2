"""Images per second through Spark, beside what plain processes of ONNX Runtime reach on this machine.

    .venv/bin/python -m spark_tests.throughput [--images 200000] [--rounds 5] [--model cmnist] [--out FILE]

Each round runs everything once, one after the other, and ratios are of one round, so that a machine that does something
else too disturbs both sides of them; figures for a page want a machine that does not. For one and for two executors:

    plain1, plain2   programs without any check: pixels in memory, one thread, the whole file
    worker           what a worker of Spark does, without Spark: reading Parquet, and answering
    direct, spark    certify_parquet, and certify, which sends the images through Java

and once a cluster: the seconds until it has answered its first images, and the milliseconds that an empty task costs.
The last line is the answer, as JSON; with --out it goes into that file as well, under the model's name, and
pipeline/scale.ts reads docs/spark.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
import json
import multiprocessing
from multiprocessing.synchronize import Barrier
import os
from pathlib import Path
import statistics
import sys
import tempfile
import time
from typing import Any

os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ["PYSPARK_PYTHON"] = sys.executable

from glean_certify import Certifier
from glean_certify.run.telemetry import onnx_runtime
from glean_certify.spark import certify, certify_parquet
from glean_certify.spark.parquet import read_rows
from glean_certify.spark.worker import ANSWERS, Settings, answered, rows_at_once
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from tests.conftest import ROOT, node
from tests.files import sha256_of

FILES = 32
# Tasks with nothing to do, to measure what a task costs.
EMPTY = 200


def plain(folder: str, model: str, begin: int, end: int, batch: int, ready: Barrier) -> None:
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    pixels = np.load(f"{folder}/images.npy")
    session.run(None, {"image": pixels[:batch].astype(np.float32)})
    ready.wait()
    for i in range(begin, end, batch):
        rows = np.arange(i, min(end, i + batch)) % len(pixels)
        session.run(["label", "radius"], {"image": pixels[rows].astype(np.float32) / np.float32(255)})
    ready.wait()


def worker(folder: str, model: str, begin: int, end: int, batch: int, ready: Barrier) -> None:
    settings = Settings(sha256_of(Path(model)), None, None, "graph", batch, "image", "pixels", ("id",), 0.0)
    certifier = Certifier.load(model, sha256=settings.sha256, batch_size=batch, threads=1)
    rows = rows_at_once(certifier.certificate.shape, batch)
    ready.wait()
    for file in sorted(Path(folder, "table").iterdir())[begin:end]:
        for part in read_rows(str(file), 0, ("id", "image"), rows):
            answered(part, certifier, settings, ANSWERS)
    ready.wait()


def seconds_of(work: Callable[..., None], folder: str, model: str, count: int, batch: int, processes: int) -> float:
    """How long processes take that share `count` things, from when all of them are ready."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    shares = [(count * p // processes, count * (p + 1) // processes) for p in range(processes)]
    running = [context.Process(target=work, args=(folder, model, *share, batch, ready)) for share in shares]
    for process in running:
        process.start()
    ready.wait()
    begin = time.perf_counter()
    ready.wait()
    seconds = time.perf_counter() - begin
    for process in running:
        process.join()
    return seconds


def written(answers: Any) -> float:
    begin = time.perf_counter()
    answers.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - begin


def nothing(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def measured(folder: str, model: str, executors: int, asked: argparse.Namespace) -> dict[str, Any]:
    """The rates of each round, and what the cluster itself costs."""
    begin = time.perf_counter()
    spark = (
        SparkSession.builder.master(f"local-cluster[{executors},1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.python.unix.domain.socket.enabled", "true")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    options: dict[str, Any] = {"sha256": sha256_of(Path(model)), "content": "pixels", "batch_size": asked.batch}
    table = f"{folder}/table"
    images = spark.read.parquet(table)
    # Starts the workers, which load the model once.
    written(certify(images.limit(executors * asked.batch).repartition(4 * executors), model, **options))
    start = time.perf_counter() - begin
    empty = [written(spark.range(0, n, 1, n).mapInArrow(nothing, "id long")) for n in (1, EMPTY, 1, EMPTY)]
    count = asked.images
    direct = certify_parquet(spark, table, model, **options)
    rounds: dict[str, list[float]] = {name: [] for name in ("plain1", "plain2", "worker", "direct", "spark")}
    for _ in range(asked.rounds):
        for k in (1, 2):
            rounds[f"plain{k}"].append(count / seconds_of(plain, folder, model, count, asked.batch, k))
        rounds["worker"].append(count / seconds_of(worker, folder, model, FILES, asked.batch, 1))
        rounds["direct"].append(count / written(direct))
        rounds["spark"].append(count / written(certify(images, model, **options)))
    tasks = direct.rdd.getNumPartitions()
    spark.stop()
    return {
        "startS": start,
        "taskMs": 1000 * (empty[3] - empty[2]) / (EMPTY - 1),
        "tasks": tasks,
        "perSecond": rounds,
    }


def ratio(over: list[float], under: list[float]) -> dict[str, Any]:
    """Of two rates in the same rounds: the median, the least and the most."""
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    return {"median": statistics.median(ratios), "spread": [min(ratios), max(ratios)]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--model", choices=("cmnist", "avatars"), default="cmnist")
    parser.add_argument("--out", help="where the answer goes, too")
    asked = parser.parse_args()
    model = str(ROOT / f"models/{asked.model}/model.onnx")
    with tempfile.TemporaryDirectory(prefix="glean-throughput-") as folder:
        node("pipeline/oracle.ts", "answers", model, asked.model, "64", folder)
        pixels = np.load(f"{folder}/images.npy")
        Path(folder, "table").mkdir()
        for f in range(FILES):
            rows = np.arange(f, asked.images, FILES)
            column = pa.array([pixels[i % len(pixels)].tobytes() for i in rows], type=pa.binary())
            pq.write_table(pa.table({"id": rows, "image": column}), f"{folder}/table/{f:02}.parquet")
        stored = sum(file.stat().st_size for file in Path(folder, "table").iterdir())
        clusters = {str(k): measured(folder, model, k, asked) for k in (1, 2)}
    found: dict[str, Any] = {
        "model": asked.model,
        "modelBytes": Path(model).stat().st_size,
        "images": asked.images,
        "files": FILES,
        "rounds": asked.rounds,
        "cores": os.cpu_count(),
        "pixelBytes": pixels[0].size,
        "storedBytes": stored / asked.images,
        "clusters": clusters,
        "ofLimit": {
            kind: {
                k: ratio(cluster["perSecond"][kind], cluster["perSecond"][f"plain{k}"])
                for k, cluster in clusters.items()
            }
            for kind in ("direct", "spark")
        },
        "workerOfLimit": ratio(
            [rate for cluster in clusters.values() for rate in cluster["perSecond"]["worker"]],
            [rate for cluster in clusters.values() for rate in cluster["perSecond"]["plain1"]],
        ),
    }
    if asked.out is not None:
        out = Path(asked.out)
        # Beside what was measured with another model.
        all_models = json.loads(out.read_text()) if out.exists() else {}
        out.write_text(json.dumps({**all_models, asked.model: found}, indent=2) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
