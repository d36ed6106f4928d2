"""Files where Spark's own paths lead: on this machine, in HDFS, or in an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Storage:
    """Hadoop's file systems, as the session has configured them."""

    def __init__(self, spark: SparkSession) -> None:
        self._java = spark.sparkContext._jvm
        self._configuration = spark.sparkContext._jsc.hadoopConfiguration()

    def _at(self, path: str) -> tuple[Any, Any]:
        there = self._java.org.apache.hadoop.fs.Path(path)
        return there.getFileSystem(self._configuration), there

    def full(self, path: str) -> str:
        """The path with its file system, without a slash at its end."""
        files, there = self._at(path)
        return str(files.makeQualified(there).toString())

    def exists(self, path: str) -> bool:
        files, there = self._at(path)
        return bool(files.exists(there))

    def names(self, folder: str) -> list[str]:
        """The names of what is in a folder, which need not be there."""
        files, there = self._at(folder)
        return [str(entry.getPath().getName()) for entry in files.listStatus(there)] if files.exists(there) else []

    def remove(self, path: str) -> None:
        """Removes a file or a whole folder, if it is there."""
        files, there = self._at(path)
        files.delete(there, True)

    def move(self, path: str, to: str) -> bool:
        """Moves a folder to a place where nothing is; False if there is something."""
        files, there = self._at(path)
        return not self.exists(to) and bool(files.rename(there, self._at(to)[1]))

    def read(self, path: str) -> str:
        files, there = self._at(path)
        stream = files.open(there)
        try:
            return str(self._java.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def write(self, path: str, text: str) -> None:
        """Writes a file, and the folders above it, anew."""
        files, there = self._at(path)
        stream = files.create(there, True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
