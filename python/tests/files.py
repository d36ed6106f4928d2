"""Sealed files, changed as somebody might change them."""

from __future__ import annotations

from collections.abc import Callable
import hashlib
import json
from pathlib import Path
import re
from typing import Any

from glean_certify.file.certificate import CERTIFICATE_KEY
from glean_certify.file.json_form import stringify
import onnx


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def weights_at(data: bytes) -> range:
    """Where the bytes of the largest initializer stand in the file."""
    model = onnx.load_model_from_string(data)
    raw = max((tensor.raw_data for tensor in model.graph.initializer), key=len)
    start = data.index(raw)
    return range(start, start + len(raw))


def with_bit_flipped(data: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)


def certificate_of(data: bytes) -> dict[str, Any]:
    (entry,) = onnx.load_model_from_string(data).metadata_props
    found: dict[str, Any] = json.loads(entry.value)
    return found


def sealed_again(data: bytes, change: Callable[[dict[str, Any]], None] = lambda _: None) -> bytes:
    """The file with another certificate, and with digests that fit: what an attacker without a key can write."""
    model = onnx.load_model_from_string(data)
    certificate = certificate_of(data)
    weights = hashlib.sha256()
    for tensor in model.graph.initializer:
        if not tensor.name.startswith("glean/"):
            weights.update(tensor.raw_data)
    certificate["weightsSha256"] = weights.hexdigest()
    certificate["fileSha256"] = "0" * 64
    change(certificate)
    return with_certificate(data, stringify(certificate))


def with_certificate(data: bytes, text: str) -> bytes:
    """The file with this certificate, whose blank digest, if it has one, is filled in."""
    model = onnx.load_model_from_string(data)
    model.metadata_props[0].key = CERTIFICATE_KEY
    model.metadata_props[0].value = text
    # The library leaves out the empty domain of the operator set, which glean writes.
    blank = model.SerializeToString().replace(b"\x42\x02\x10\x12", b"\x42\x04\x0a\x00\x10\x12")
    digest = hashlib.sha256(blank).hexdigest()
    return re.sub(rb'("fileSha256":")0{64}', lambda match: match[1] + digest.encode(), blank)
