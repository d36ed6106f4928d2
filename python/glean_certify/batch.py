"""Certifies images in bulk with Spark: python -m glean_certify.batch MODEL --in PATH --out PATH …

The driver loads the model as Certifier.load does; it does not prove it (`glean verify` does, and prints the sha256).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import json
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from .errors import GleanError, InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="glean-certify-batch", description="label and certified radius of many images, with Spark, as Parquet"
    )
    parser.add_argument("model", help="sealed ONNX file")
    parser.add_argument("--in", dest="source", required=True, help="Parquet, or with --files a folder of image files")
    parser.add_argument(
        "--out", required=True, help="folder of Parquet to write; it must not exist, except to --resume"
    )
    parser.add_argument("--key", help="public key (PEM) that must have signed the model")
    parser.add_argument("--sha256", help="SHA-256 of the model, as 'glean verify' prints it")
    parser.add_argument("--image-column", default="image", help="column of images (%(default)s)")
    parser.add_argument("--content", choices=("encoded", "pixels"), default="encoded", help="what the column holds")
    parser.add_argument("--files", action="store_true", help="--in is a folder of image files, at any depth")
    parser.add_argument("--direct", action="store_true", help="workers read the Parquet files themselves")
    parser.add_argument("--batch", type=int, default=64, help="images of one run of the network (%(default)s)")
    parser.add_argument("--min-radius", type=float, default=0.0, help="certified means a radius of at least this")
    parser.add_argument("--master", help="address of the cluster; by default what spark-submit says, or local[*]")
    parser.add_argument("--resume", metavar="CHECKPOINT", help="folder that remembers what is done; run again to go on")
    parser.add_argument("--files-per-step", type=int, default=100, help="files between two checkpoints (%(default)s)")
    parser.add_argument("--max-errors", type=int, help="exit with 1 if more images cannot be read")
    return parser.parse_args(words)


def spark_session(master: str | None) -> SparkSession:
    """A session whose workers run this Python; a local one talks on the loopback interface alone."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("glean-certify")
    if master is not None:
        builder = builder.master(master)
    if master is None or master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    return builder.getOrCreate()


def run(spark: SparkSession, asked: argparse.Namespace) -> dict[str, Any]:
    """Writes the answers, and counts them: {"n", "errors", "certified", "modelSha256"}."""
    from pyspark.sql import functions

    from .spark import certify, certify_parquet

    options = {
        "public_key": None if asked.key is None else Path(asked.key),
        "sha256": asked.sha256,
        "image": "content" if asked.files else asked.image_column,
        "content": "encoded" if asked.files else asked.content,
        "min_radius": asked.min_radius,
        "batch_size": asked.batch,
    }
    if asked.direct:
        if asked.files or asked.resume:
            raise InputError(
                "--direct reads whole tables of Parquet, so it goes neither with --files nor with --resume"
            )
        answers = certify_parquet(spark, asked.source, asked.model, **options)
    else:
        images = _stream(spark, asked) if asked.resume else _table(spark, asked)
        answers = certify(images.select("path", "content") if asked.files else images, asked.model, **options)
    if asked.resume:
        writer = answers.writeStream.format("parquet").option("checkpointLocation", asked.resume)
        writer.option("path", asked.out).trigger(availableNow=True).start().awaitTermination()
    else:
        answers.write.mode("errorifexists").parquet(asked.out)
    found = (
        spark.read.parquet(asked.out)
        .agg(
            functions.count(functions.lit(1)).alias("n"),
            functions.count("error").alias("errors"),
            functions.count_if("certified").alias("certified"),
            functions.max("model_sha256").alias("modelSha256"),
        )
        .first()
    )
    return {key: found[key] for key in ("n", "errors", "certified", "modelSha256")}


def _table(spark: SparkSession, asked: argparse.Namespace) -> DataFrame:
    if asked.files:
        return spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(asked.source)
    return spark.read.parquet(asked.source)


def _stream(spark: SparkSession, asked: argparse.Namespace) -> DataFrame:
    """The same as a stream of files, of which each is taken once; its schema is that of what is there now."""
    kind = "binaryFile" if asked.files else "parquet"
    reader = spark.readStream.schema(_table(spark, asked).schema).format(kind)
    if asked.files:
        reader = reader.option("recursiveFileLookup", "true")
    return reader.option("maxFilesPerTrigger", asked.files_per_step).load(asked.source)


def main(words: Sequence[str]) -> int:
    """0 if all was done, 1 if the model is refused or too many images cannot be read, 2 if the words are wrong."""
    asked = arguments(words)
    spark = None
    try:
        spark = spark_session(asked.master)
        found = run(spark, asked)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except GleanError as error:
        print(f"refused: {asked.model}: {error}", file=sys.stderr)
        return 1
    finally:
        if spark is not None:
            spark.stop()
    print(json.dumps(found))
    if asked.max_errors is not None and found["errors"] > asked.max_errors:
        print(f"{found['errors']} images could not be read, more than {asked.max_errors}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
