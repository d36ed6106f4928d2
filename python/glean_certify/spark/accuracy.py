"""Certified accuracy and average certified radius of answers beside true labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .plan import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def certified_accuracy(
    answers: DataFrame, truth: str, radii: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0), *, prefix: str = ""
) -> dict[str, Any]:
    """Certified accuracy and average certified radius of answers beside a column of true labels.

    A label is the index of a class, or its name.

    {"n", "errors", "accuracy", "acr", "certifiedAccuracy": {"0.00": …}}, fractions of 1. An image counts as certified
    at r if its label is right and its radius is at least r, and above 0 (at r = 0: if its label is right). An error
    counts as wrong.
    """
    from pyspark.sql import functions

    kind = "class" if answers.schema[truth].dataType.simpleString() == "string" else "label"
    label, radius = functions.col(quoted(prefix + kind)), functions.col(quoted(f"{prefix}radius")).cast("double")
    right = functions.coalesce(label == functions.col(quoted(truth)), functions.lit(False))
    one = functions.lit(1.0)

    def share(condition: Any) -> Any:
        return functions.avg(functions.when(condition, one).otherwise(0.0))

    found = answers.agg(
        functions.count(functions.lit(1)).alias("n"),
        functions.count(functions.col(quoted(f"{prefix}error"))).alias("errors"),
        share(right).alias("accuracy"),
        functions.avg(functions.when(right, radius).otherwise(0.0)).alias("acr"),
        *(share(right & (radius >= r)).alias(f"r{i}") for i, r in enumerate(radii)),
    ).first()
    return {
        **{key: found[key] for key in ("n", "errors", "accuracy", "acr")},
        "certifiedAccuracy": {f"{r:.2f}": found[f"r{i}"] for i, r in enumerate(radii)},
    }
