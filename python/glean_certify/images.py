"""Images as callers give them, checked against the model's shape and range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError

Shape = tuple[int, int, int]


def pixels_of(image: npt.NDArray[Any], shape: Shape) -> npt.NDArray[np.float32]:
    """Images [N, H, W, C] or one image [H, W, C] as float32 pixels [N, H, W, C] on [0, 1].

    Bytes become byte/255, divided and rounded in float32. If there is one channel more than the model's one or three,
    it is alpha, and the colours are laid over black.

    Raises InputError if they are not of the model's shape, or a pixel is not on [0, 1].
    """
    height, width, channels = shape
    found = image.shape[1:] if image.ndim == 4 else image.shape
    with_alpha = channels in (1, 3) and found == (height, width, channels + 1)
    if image.ndim not in (3, 4) or (found != shape and not with_alpha):
        expected = "×".join(map(str, shape))
        raise InputError(
            f"expected images of {expected} (height×width×channels), got {'×'.join(map(str, image.shape)) or 'none'}",
            {"found": image.shape, "expected": shape},
        )
    if image.dtype not in (np.uint8, np.float32):
        raise InputError(
            f"expected pixels as uint8, or as float32 on [0, 1], got {image.dtype}; a radius is about the pixels "
            "that the model sees, so round them with astype(numpy.float32)",
            {"found": str(image.dtype)},
        )
    values = image.reshape(-1, *found)
    if with_alpha:
        values = _over_black(values)
    if values.dtype == np.uint8:
        levels: npt.NDArray[np.float32] = values.astype(np.float32)
        levels /= np.float32(255)
        return levels
    outside = np.argwhere(~((values >= 0) & (values <= 1)))
    if len(outside) > 0:
        at = tuple(int(index) for index in outside[0])
        raise InputError(
            f"pixel {list(at[1:])} of image {at[0]} is {values[at]}, expected a number on [0, 1]",
            {"image": at[0], "index": at[1:], "value": float(values[at])},
        )
    return np.ascontiguousarray(values, dtype=np.float32)


def _over_black(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each colour times its alpha, with the alpha dropped: what the picture looks like on black."""
    colours, alpha = values[..., :-1], values[..., -1:]
    if values.dtype == np.float32:
        return np.asarray(colours * alpha)
    return np.asarray((2 * colours.astype(np.uint32) * alpha + 255) // 510, dtype=np.uint8)
