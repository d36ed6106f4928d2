"""Images become the pixels that the npm package would make of them, or are refused by name."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

from glean_certify import Certifier, InputError
from glean_certify.decode import decode_image, read_image_file
from glean_certify.images import pixels_of
import numpy as np
import numpy.typing as npt
from PIL import Image
import pytest

from .conftest import DIGITS, ROOT, node
from .files import sha256_of

SHAPE = (24, 33, 3)
RNG = np.random.default_rng(11)


def noise(channels: int) -> npt.NDArray[np.uint8]:
    return RNG.integers(0, 256, (24, 33, channels), dtype=np.uint8).squeeze()


def smooth(channels: int) -> npt.NDArray[np.uint8]:
    """Something a camera might see: JPEG and WebP spread their errors over it."""
    y, x = np.mgrid[0:24, 0:33]
    waves = [np.sin(x / (3 + c)) * np.cos(y / (4 - c)) for c in range(channels)]
    return ((np.stack(waves, axis=-1) + 1) * 127.5).astype(np.uint8).squeeze()


def encoded(array: npt.NDArray[np.uint8], kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    array = smooth(3) if orientation < 5 else smooth(3).transpose(1, 0, 2)
    return encoded(np.ascontiguousarray(array), "JPEG", quality=90, exif=exif)


def palette(transparent: bool) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(smooth(3)).quantize(32)
    image.save(buffer, "PNG", **({"transparency": bytes(range(0, 256, 8))} if transparent else {}))
    return buffer.getvalue()


def one_bit() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(1)).convert("1").save(buffer, "PNG")
    return buffer.getvalue()


def animation() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.fromarray(smooth(3)), Image.fromarray(noise(3))]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return buffer.getvalue()


PICTURES = {
    "rgb.png": encoded(noise(3), "PNG"),
    "grey.png": encoded(noise(1), "PNG"),
    "rgba.png": encoded(noise(4), "PNG"),
    "palette.png": palette(False),
    "palette-alpha.png": palette(True),
    "bits.png": one_bit(),
    "lossless.webp": encoded(noise(3), "WEBP", lossless=True),
    "lossless-alpha.webp": encoded(noise(4), "WEBP", lossless=True, exact=True),
    "animation.webp": animation(),
    **{f"q{q}-s{s}.jpg": encoded(smooth(3), "JPEG", quality=q, subsampling=s) for q in (30, 75, 95) for s in (0, 1, 2)},
    "noise.jpg": encoded(noise(3), "JPEG", quality=80),
    "progressive.jpg": encoded(smooth(3), "JPEG", quality=75, progressive=True),
    "grey.jpg": encoded(smooth(1), "JPEG", quality=75),
    **{f"turned-{o}.jpg": turned(o) for o in range(1, 9)},
    **{f"q{q}.webp": encoded(smooth(3), "WEBP", quality=q) for q in (20, 80)},
    "alpha.webp": encoded(smooth(4), "WEBP", quality=80),
}


def test_pillow_decodes_to_the_bytes_of_sharp(tmp_path: Path) -> None:
    for name, data in PICTURES.items():
        (tmp_path / name).write_bytes(data)
    lines = node(
        "pipeline/oracle.ts", "pixels", "x".join(map(str, SHAPE)), *(str(tmp_path / name) for name in PICTURES)
    )
    differences = {}
    for name, line in zip(PICTURES, lines.splitlines(), strict=True):
        expected = np.frombuffer(base64.b64decode(json.loads(line)["pixels"]), dtype=np.uint8).reshape(SHAPE)
        found = read_image_file(tmp_path / name, SHAPE)
        assert found.shape == SHAPE
        difference = int(np.max(np.abs(found.astype(int) - expected)))
        if difference > 0:
            differences[name] = difference
    assert differences == {}


def test_the_pictures_of_the_readme_get_the_same_answer_from_pixels_and_from_files() -> None:
    certifier = Certifier.load(DIGITS, sha256=sha256_of(DIGITS))
    files = [ROOT / "docs/images/digit-red.png", ROOT / "docs/images/digit-green.png"]
    arrays = np.stack([read_image_file(file, (28, 28, 3)) for file in files])
    expected = certifier.predict(arrays)
    for given in (files, [str(file) for file in files], [file.read_bytes() for file in files], list(arrays)):
        for a, b in zip(certifier.predict(given), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(certifier.predict(files[0]).radius, expected.radius[:1], atol=1e-5)


def sixteen_bits() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 2**16, (24, 33), dtype=np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def cmyk() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(smooth(3)).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


def test_what_both_decode_differently_and_what_is_no_picture_is_refused() -> None:
    png = PICTURES["rgb.png"]
    for data, problem in [
        (sixteen_bits(), "found a PNG of 16 bits"),
        (cmyk(), "mode CMYK"),
        (encoded(smooth(3), "PNG", icc_profile=b"profile"), "found an image with a colour profile"),
        (encoded(smooth(3)[:20], "PNG"), "found an image 33 wide and 20 high, expected 33 wide and 24 high"),
        (encoded(smooth(3), "GIF"), "no such image"),
        (encoded(smooth(3), "TIFF"), "no such image"),
        (b"", "found nothing"),
        (b"hello, world", "they begin with 68656c6c"),
        (png[:-30], "damaged or truncated PNG"),
        (PICTURES["noise.jpg"][:-200], "damaged or truncated JPEG"),
        (PICTURES["lossless.webp"][:-200], "damaged or truncated WEBP"),
        (png[:100] + bytes([png[100] ^ 255]) + png[101:], "damaged or truncated PNG"),
    ]:
        with pytest.raises(InputError, match=problem):
            decode_image(data, SHAPE)
    with pytest.raises(InputError, match="found a picture in colour, expected a grey one"):
        decode_image(png, (24, 33, 1))
    with pytest.raises(InputError, match="cannot be read"):
        read_image_file("/nowhere.png", SHAPE)
    np.testing.assert_array_equal(decode_image(PICTURES["grey.png"], (24, 33, 1)).shape, (24, 33, 1))


def test_every_level_is_divided_and_rounded_in_float32() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    found = pixels_of(levels, (16, 16, 1)).ravel()
    # The nearest float32 of the exact quotient, by whole numbers.
    for level, pixel in enumerate(found):
        numerator, denominator = float(pixel).as_integer_ratio()
        error = abs(numerator * 255 - level * denominator)
        for near in (np.nextafter(pixel, np.float32(-1)), np.nextafter(pixel, np.float32(2))):
            other, scale = float(near).as_integer_ratio()
            assert error * scale < abs(other * 255 - level * scale) * denominator


def test_alpha_is_laid_over_black() -> None:
    image = np.array([[[200, 100, 0, 128], [255, 255, 255, 255], [9, 9, 9, 0]]], dtype=np.uint8)
    found = pixels_of(image, (1, 3, 3))
    np.testing.assert_array_equal(found * 255, np.array([[[[100, 50, 0], [255, 255, 255], [0, 0, 0]]]]))
    floats = pixels_of(np.array([[[0.5, 0.25]]], dtype=np.float32), (1, 1, 1))
    np.testing.assert_array_equal(floats, [[[[0.125]]]])


def test_pixels_that_a_model_does_not_take_are_refused() -> None:
    certifier = Certifier.load(DIGITS, sha256=sha256_of(DIGITS))
    good = np.zeros((2, 28, 28, 3), dtype=np.float32)
    cases: list[tuple[Any, str]] = [
        (good.astype(np.float64), "got float64"),
        (good.astype(np.int64), "got int64"),
        (good[:, :27], "expected images of 28×28×3"),
        (good[0, 0], "expected images of 28×28×3"),
        (good[:0], "got none"),
        ([], "got none"),
        ([good], "of 4 dimensions"),
        (3, "got <class 'int'>"),
    ]
    for value in (np.nan, np.inf, -np.inf, -1e-45, 1.0000001):
        bad = good.copy()
        bad[1, 2, 3, 1] = value
        cases.append((bad, r"pixel \[2, 3, 1\] of image 1 is"))
    for images, problem in cases:
        with pytest.raises(InputError, match=problem):
            certifier.predict(images)
    # −0 is 0.
    for a, b in zip(certifier.predict(good), certifier.predict(-good), strict=True):
        np.testing.assert_array_equal(a, b)
