"""Counts what a running job has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import Accumulator
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Tally:
    """Images answered so far, and how many of them cannot be read.

    A task's counts are added when it is done, and only if its rows are the ones that are kept: what a killed executor
    had counted is not. This holds while the answers are written or collected as they are, without a shuffle behind.
    """

    images: Accumulator[int]
    errors: Accumulator[int]

    @classmethod
    def of(cls, spark: SparkSession) -> Tally:
        context = spark.sparkContext
        return cls(context.accumulator(0), context.accumulator(0))
