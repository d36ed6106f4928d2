"""Certifies images in bulk with Spark: python -m glean_certify.batch MODEL --in PATH --out PATH …

The driver loads the model as Certifier.load does; it does not prove it. `glean batch` proves it and starts this with
the SHA-256 of what it proved.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

from .errors import GleanError, InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from .spark.job import Progress


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m glean_certify.batch", description="label and certified radius of many images, with Spark"
    )
    parser.add_argument("model", help="sealed ONNX file")
    parser.add_argument("--in", dest="source", required=True, help="Parquet, or with --files a folder of image files")
    parser.add_argument(
        "--out", required=True, help="folder of Parquet to write; it must not exist, except to --resume"
    )
    parser.add_argument("--key", help="public key (PEM) that must have signed the model")
    parser.add_argument("--sha256", help="SHA-256 of the model, as 'glean verify' prints it")
    parser.add_argument("--image-column", dest="image", default="image", help="column of images (%(default)s)")
    parser.add_argument("--content", choices=("encoded", "pixels"), default="encoded", help="what the column holds")
    parser.add_argument("--files", action="store_true", help="--in is a folder of image files, at any depth")
    parser.add_argument("--direct", action="store_true", help="workers read the Parquet files themselves")
    parser.add_argument("--label-column", dest="label", help="column of true labels, for certified accuracy")
    parser.add_argument("--prefix", default="", help="what the names of the answers' columns begin with")
    parser.add_argument("--min-radius", type=float, default=0.0, help="certified means a radius of at least this")
    parser.add_argument("--batch", dest="batch_size", type=int, default=64, help="images in one run (%(default)s)")
    parser.add_argument("--master", help="address of the cluster; by default what spark-submit says, or local[*]")
    parser.add_argument(
        "--resume", dest="checkpoint", help="folder that remembers what is done; run again to go on after a kill"
    )
    parser.add_argument("--files-per-step", type=int, default=100, help="files between two checkpoints (%(default)s)")
    parser.add_argument("--max-errors", type=int, help="stop if more images cannot be read")
    parser.add_argument("--events", action="store_true", help="print progress and errors as lines of JSON, too")
    return parser.parse_args(words)


def spark_session(master: str | None) -> SparkSession:
    """A session whose workers run this Python; a local one talks on the loopback interface alone."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # A task that starts Python waits 30 ms less than over TCP.
    builder = SparkSession.builder.appName("glean-certify").config("spark.python.unix.domain.socket.enabled", "true")
    if master is not None:
        builder = builder.master(master)
    if master is None or master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
    return builder.getOrCreate()


def main(words: Sequence[str]) -> int:
    """0 if all was done, 1 if the model is refused or too many images cannot be read, 2 if the words are wrong."""
    asked = vars(arguments(words))
    events, master = asked.pop("events"), asked.pop("master")

    def fail(code: str, message: str, status: int) -> int:
        if events:
            _print({"error": {"code": code, "message": message}})
        else:
            print(message, file=sys.stderr)
        return status

    def show(progress: Progress) -> None:
        if events:
            _print({"progress": asdict(progress)})

    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        from .spark.job import Job, TooManyErrorsError, run
    except ImportError as error:
        return fail("INPUT", f"{error}; install it with pip install 'glean-certify[spark]'", 2)
    try:
        spark = spark_session(master)
        try:
            answer = run(spark, Job(**asked), show)
        finally:
            spark.stop()
    except InputError as error:
        return fail(error.code, str(error), 2)
    except GleanError as error:
        return fail(error.code, f"refused: {asked['model']}: {error}", 1)
    except TooManyErrorsError as error:
        return fail("TOO_MANY_ERRORS", str(error), 1)
    except (PySparkException, Py4JError) as error:
        return fail("SPARK", f"Spark: {_reason(error)}", 1)
    _print({"answer": answer} if events else answer)
    return 0


def _reason(error: Exception) -> str:
    """One line of an error of Spark: what a worker refused, or else how it begins."""
    lines = str(error).splitlines() or [type(error).__name__]
    refused = [line for line in lines if line.startswith("glean_certify.errors.")]
    return refused[-1].split(": ", 1)[-1] if refused else lines[0]


def _print(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    # As Ctrl-C: the job is cancelled, and what it has written is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
