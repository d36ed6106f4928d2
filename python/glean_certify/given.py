"""What callers give: images in any of their forms, and a model, its signature and a key, each as a file or as data."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .images import Shape, pixels_of

# Pixels, the path of an image file, or its bytes.
Image = npt.NDArray[Any] | str | os.PathLike[str] | bytes


def pixels_of_all(images: Image | Sequence[Image], shape: Shape) -> npt.NDArray[np.float32]:
    """The pixels [N, H, W, C] of an array [N, H, W, C] or [H, W, C], of one image, or of a list of images.

    Raises InputError if there is none, or one that is not of this shape or range.
    """
    if isinstance(images, np.ndarray):
        pixels = pixels_of(images, shape)
    elif isinstance(images, (str, bytes, os.PathLike)):
        pixels = _decoded(images, shape)
    elif isinstance(images, Sequence):
        parts = [_one(image, shape) for image in cast("Sequence[Image]", images)]
        pixels = np.concatenate(parts) if parts else np.zeros((0, *shape), dtype=np.float32)
    else:
        raise InputError(f"expected images as an array, a path, bytes, or a list of these, got {type(images)}")
    if len(pixels) == 0:
        raise InputError("expected one or more images, got none")
    return pixels


def _one(image: Image, shape: Shape) -> npt.NDArray[np.float32]:
    if isinstance(image, np.ndarray):
        if image.ndim != 3:
            raise InputError(f"expected a list of images [H, W, C], got one of {image.ndim} dimensions")
        return pixels_of(image, shape)
    return _decoded(image, shape)


def _decoded(image: str | os.PathLike[str] | bytes, shape: Shape) -> npt.NDArray[np.float32]:
    from .decode import decode_image, read_image_file

    return pixels_of(decode_image(image, shape) if isinstance(image, bytes) else read_image_file(image, shape), shape)


def read_model(source: str | os.PathLike[str] | bytes) -> tuple[bytes, Path | None]:
    """The bytes of the model, and where its signature would be."""
    if isinstance(source, bytes):
        return source, None
    path = Path(source)
    try:
        return path.read_bytes(), path.with_name(f"{path.name}.sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a sealed ONNX model") from error


def sidecar_text(path: Path) -> str | None:
    """The text of a signature's file; None if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read; expected a signature") from error


def key_text(key: str | Path | None) -> str | None:
    """A public key as PEM, from its text or its file."""
    if not isinstance(key, Path):
        return key
    try:
        return key.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{key}: cannot be read; expected a public key in PEM") from error
