"""Certifies a DataFrame of images."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..certifier import Radius
from ..columns import Content
from .plan import make_plan, quoted
from .tally import Tally

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def certify(
    images: DataFrame,
    model: str | os.PathLike[str] | bytes,
    public_key: str | Path | None = None,
    *,
    signature: str | None = None,
    sha256: str | None = None,
    image: str = "image",
    content: Content = "encoded",
    keep: Sequence[str] | None = None,
    prefix: str = "",
    min_radius: float = 0.0,
    radius: Radius = "graph",
    batch_size: int = 64,
    tally: Tally | None = None,
) -> DataFrame:
    """The DataFrame with an answer for each image, in six columns, whose names get this prefix.

    `label` (int), `class`, `radius` (float), `certified` (the radius is above 0 and at least `min_radius`),
    `model_sha256`, and `error`: what is wrong with an image that cannot be read. Such a row has no label, class and
    radius, and is not certified; it does not end the job. A model or a provider that is refused does.

    `image` names a column of encoded files (`content` "encoded": binary, as Spark's `binaryFile` reads them), or of
    pixels ("pixels": binary of H·W·C bytes, an array of integers from 0 to 255, or an array of float on [0, 1]). Of the
    other columns, those in `keep` stay; by default all of them.

    The model is checked here as Certifier.load does it, with the same `public_key`, `signature` and `sha256`, sent to
    the executors once, and checked again by every process that runs it. Every batch has the same size, so that an
    answer does not depend on how the images are divided. `tally` counts while the job runs.

    Raises what Certifier.load raises, and InputError if a column is not there, or not of such a type.
    """
    plan = make_plan(
        images,
        model,
        public_key,
        signature=signature,
        sha256=sha256,
        image=image,
        content=content,
        keep=keep,
        prefix=prefix,
        min_radius=min_radius,
        radius=radius,
        batch_size=batch_size,
        tally=tally,
    )
    return images.select(*map(quoted, plan.columns)).mapInArrow(plan.answers, plan.schema)
