"""Decodes PNG, JPEG and WebP to the pixels that a model takes, to the bytes that the npm package finds with sharp.

What Pillow decodes to other bytes than sharp is refused by name: 16 bits, CMYK, an embedded colour profile, a colour
picture for a model of one channel, another size. Decode such pictures yourself and hand over their pixels.

It needs Pillow: pip install 'glean-certify[images]'.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .images import Shape

if TYPE_CHECKING:
    from PIL import Image

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 50_000_000
_FORMATS = "a PNG, JPEG or WebP image"


def read_image_file(path: str | os.PathLike[str], shape: Shape) -> npt.NDArray[np.uint8]:
    """Reads and decodes an image file; see decode_image."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}), expected {_FORMATS}") from error
    return decode_image(data, shape, name)


def decode_image(data: bytes, shape: Shape, name: str = "image") -> npt.NDArray[np.uint8]:
    """The bytes [H, W, C] of an encoded image: turned as EXIF says, alpha over black, grey repeated in three channels.

    Raises InputError naming what was found and what was expected.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise InputError(
            "image files are decoded by Pillow, which cannot be loaded: pip install 'glean-certify[images]'"
        ) from error

    def refuse(found: str, expected: str = _FORMATS) -> NoReturn:
        raise InputError(f"{name}: found {found}, expected {expected}", {"found": found, "expected": expected})

    height, width, channels = shape

    def sizes(image: Image.Image) -> tuple[str, str]:
        found = f"an image {image.width} wide and {image.height} high"
        return found, f"{width} wide and {height} high, as the model takes"

    if channels not in (1, 3):
        refuse("an image file, which gives 1 or 3 channels", f"{channels} channels, as the model takes")
    if len(data) > MAX_FILE_BYTES:
        refuse(f"more than {MAX_FILE_BYTES} bytes", f"at most {MAX_FILE_BYTES} (64 MiB)")
    kind = _sniff(data)
    if kind is None:
        refuse(f"bytes that are no such image (they begin with {data[:8].hex()})" if data else "nothing")
    try:
        # No other decoder ever sees the file.
        image: Image.Image = Image.open(io.BytesIO(data), formats=[kind])
        if image.width * image.height > MAX_PIXELS:
            refuse(f"{image.width}×{image.height} pixels", f"at most {MAX_PIXELS}")
        # Whichever way EXIF turns it: what does not fit is not decoded.
        if {image.width, image.height} != {width, height}:
            refuse(*sizes(image))
        problem = _differently_decoded(image, data)
        if problem is not None:
            refuse(problem, "one that Pillow and sharp decode alike (hand over its pixels instead)")
        image.load()
        image = ImageOps.exif_transpose(image)
    except InputError:
        raise
    # Pillow's decoders raise errors of many kinds for damaged files.
    except Exception as error:
        raise InputError(
            f"{name}: found a damaged or truncated {kind} ({error}), expected {_FORMATS} that is whole"
        ) from error
    if (image.width, image.height) != (width, height):
        refuse(*sizes(image))
    pixels = _over_black(image)
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return refuse("a picture in colour", "a grey one, as the model has one channel (sharp greys it in linear light)")


def _sniff(data: bytes) -> str | None:
    """Recognises the format by the first bytes, as the npm package does."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    return "WEBP" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else None


def _differently_decoded(image: Image.Image, data: bytes) -> str | None:
    # Pillow opens 16-bit colour as 8-bit; the depth is in the header, which is a PNG's first chunk.
    if image.format == "PNG" and data[24:25] == b"\x10":
        return "a PNG of 16 bits"
    if image.info.get("icc_profile") is not None:
        return "an image with a colour profile"
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"):
        return f"an image of Pillow's mode {image.mode}"
    return None


def _over_black(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The samples [H, W, 1 or 3], with alpha laid over black."""
    grey = image.mode in ("1", "L", "LA")
    transparent = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    converted = image.convert(("LA" if grey else "RGBA") if transparent else ("L" if grey else "RGB"))
    samples: npt.NDArray[Any] = np.atleast_3d(np.asarray(converted, dtype=np.uint8))
    if transparent:
        # As libvips: whole numbers, rounded down.
        samples = (samples[..., :-1].astype(np.uint16) * samples[..., -1:] // 255).astype(np.uint8)
    return np.ascontiguousarray(samples)
