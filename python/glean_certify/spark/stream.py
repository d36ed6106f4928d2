"""A job that can be killed and goes on: images as a stream of files, each of which is answered exactly once.

Spark's checkpoint remembers which files have been answered, and the output's `_spark_metadata` which of its files
count. A note in the checkpoint remembers what the job was, so that it goes on as what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .storage import Storage
from .watch import watched

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

_NOTE = "glean.json"
_METADATA = "_spark_metadata"


class Stream:
    """A job with this checkpoint, whose `settings` must be the same in every run."""

    def __init__(
        self, spark: SparkSession, storage: Storage, checkpoint: str, out: str, settings: Mapping[str, Any]
    ) -> None:
        self._spark = spark
        self._storage = storage
        self._checkpoint = checkpoint
        self._out = out
        self._settings = settings
        self._note = f"{checkpoint}/{_NOTE}"

    def check(self) -> None:
        """Raises InputError if checkpoint and output are neither new nor of this job."""
        elsewhere = "; give another --resume and another --out to begin anew"
        if not self._storage.exists(self._note):
            for name, path in (("--resume", self._checkpoint), ("--out", self._out)):
                if self._storage.names(path):
                    raise InputError(f"{name} {path}: is there already, and not from a run with --resume{elsewhere}")
            return
        try:
            noted = dict(json.loads(self._storage.read(self._note)))
        except ValueError as error:
            raise InputError(f"{self._note}: cannot be read ({error}){elsewhere}") from error
        for name, value in self._settings.items():
            if noted.get(name) != value:
                raise InputError(
                    f"--resume {self._checkpoint}: was begun with {name} {noted.get(name)}, and now it is {value}"
                    f"{elsewhere}"
                )
        if self._storage.names(f"{self._checkpoint}/commits") and not self.begun():
            raise InputError(f"--out {self._out}: the answers that were there are gone{elsewhere}")

    def begun(self) -> bool:
        """Whether there are answers of an earlier run."""
        return len(self._storage.names(f"{self._out}/{_METADATA}")) > 0

    def read(self, schema: StructType, source: str, files: bool, files_per_step: int) -> DataFrame:
        reader = self._spark.readStream.schema(schema).format("binaryFile" if files else "parquet")
        if files:
            reader = reader.option("recursiveFileLookup", "true")
        return reader.option("maxFilesPerTrigger", files_per_step).load(source)

    def write(self, answers: DataFrame, look: Callable[[], None]) -> None:
        """Answers what is there and has not been answered, and ends."""
        if not self._storage.exists(self._note):
            self._storage.write(self._note, json.dumps(self._settings))
        writer = answers.writeStream.format("parquet").option("checkpointLocation", self._checkpoint)
        query = writer.option("path", self._out).trigger(availableNow=True).start()
        watched(query.awaitTermination, query.stop, look)
        self._remove_strays()

    def _remove_strays(self) -> None:
        """Removes what a killed run wrote and Spark does not count: other readers do not know `_spark_metadata`."""
        counted = {path.rsplit("/", 1)[-1] for path in self._spark.read.parquet(self._out).inputFiles()}
        for name in self._storage.names(self._out):
            if name.endswith(".parquet") and name not in counted:
                self._storage.remove(f"{self._out}/{name}")
