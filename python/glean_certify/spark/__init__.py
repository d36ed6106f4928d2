"""Certifies a Spark DataFrame of images: one session for each core of an executor, each checked where it runs.

It needs pyspark and pyarrow: pip install 'glean-certify[spark]', on the driver and on the workers.
"""

from .accuracy import certified_accuracy
from .parquet import certify_parquet
from .table import certify
from .tally import Tally

__all__ = ["Tally", "certified_accuracy", "certify", "certify_parquet"]
