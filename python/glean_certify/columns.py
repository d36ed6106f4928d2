"""Images as a column of Arrow has them: encoded files, or pixels in one of several types."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .decode import decode_image
from .errors import InputError
from .images import Shape, pixels_of

# What an image column holds: encoded files, or H·W·C pixels in the model's own order.
Content = Literal["encoded", "pixels"]


def images_of(column: pa.Array, shape: Shape, content: Content) -> tuple[npt.NDArray[Any], list[str | None]]:
    """The pixels [M, H, W, C] of the images that can be read, and for each row None, or why it cannot."""
    if content == "pixels":
        whole = _all_at_once(column, shape)
        if whole is not None:
            return whole, [None] * len(column)
    parts: list[npt.NDArray[Any]] = []
    errors: list[str | None] = []
    for value in column:
        try:
            parts.append(_one(value.as_py(), shape, content))
            errors.append(None)
        except InputError as error:
            errors.append(str(error))
    return (np.concatenate(parts) if parts else np.zeros((0, *shape), dtype=np.float32)), errors


def _all_at_once(column: pa.Array, shape: Shape) -> npt.NDArray[Any] | None:
    """The pixels of a column of bytes in which nothing is wrong, without a loop over its rows."""
    size = shape[0] * shape[1] * shape[2]
    if not pa.types.is_binary(column.type) or column.null_count > 0 or len(column) == 0:
        return None
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    if not (np.diff(ends) == size).all():
        return None
    levels = np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]]
    return levels.reshape(-1, *shape)


def _one(value: Any, shape: Shape, content: Content) -> npt.NDArray[np.float32]:
    """One image [1, H, W, C]. Raises InputError if it cannot be read."""
    if value is None:
        raise InputError("image: found null")
    if content == "encoded":
        return pixels_of(decode_image(value, shape), shape)
    if isinstance(value, bytes):
        pixels: npt.NDArray[Any] = np.frombuffer(value, dtype=np.uint8)
    elif any(entry is None for entry in value):
        raise InputError("image: a pixel is null")
    else:
        pixels = np.asarray(value)
        if np.issubdtype(pixels.dtype, np.integer):
            if ((pixels < 0) | (pixels > 255)).any():
                raise InputError("image: a pixel is not from 0 to 255")
            pixels = pixels.astype(np.uint8)
        else:
            # They were float32 in the column, so this rounds nothing.
            pixels = pixels.astype(np.float32)
    size = shape[0] * shape[1] * shape[2]
    if pixels.size != size:
        raise InputError(f"image: found {pixels.size} pixels, expected {'×'.join(map(str, shape))} = {size}")
    return pixels_of(pixels.reshape(shape), shape)
