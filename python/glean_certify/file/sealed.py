"""Reads a sealed file and checks what needs no proof: its digests, form, claims and last layer.

It does not prove the Lipschitz bound: `glean verify` does that (command.py).
"""

from __future__ import annotations

from dataclasses import dataclass
import hashlib

import numpy as np
import numpy.typing as npt

from ..errors import CertificateError
from ..margin import MarginTerms, margin_terms
from .certificate import BROKEN_PROVERS, CERTIFICATE_KEY, Certificate, parse_certificate
from .head import LinearHead, read_linear_head
from .model import HEAD_PREFIX, Model, ValueInfo, read_model

OPSET, IR_VERSION = 18, 8
_DIGITS = 64
# Its number among the element types: nothing becomes float64 without a Cast to it.
_FLOAT64 = 11


@dataclass(frozen=True)
class SealedModel:
    certificate: Certificate
    head: LinearHead
    terms: MarginTerms
    # The pixels of the known vectors, [V, H·W·C].
    images: npt.NDArray[np.float32]
    operators: frozenset[str]
    # The whole file, and the file without its certificate head.
    data: bytes
    network: bytes
    # SHA-256 of the whole file, hexadecimal.
    sha256: str


def read_sealed(data: bytes) -> SealedModel:
    """Raises OnnxFormatError, CertificateError or UnprovableError if these are not the bytes of a sealed file."""
    model = read_model(data)
    text = dict(model.metadata).get(CERTIFICATE_KEY)
    if text is None:
        raise CertificateError(
            f"certificate: the file has no metadata '{CERTIFICATE_KEY}'; 'glean seal' adds one to a model it can prove"
        )
    _check(len(model.metadata) == 1, "the file has other metadata than its certificate")
    _check(
        (model.opset, model.ir_version) == (OPSET, IR_VERSION),
        f"the file has opset {model.opset} and IR version {model.ir_version}, expected {OPSET} and {IR_VERSION}",
    )
    certificate = parse_certificate(text)
    digest = _file_digest(data, text, certificate.file_sha256)
    _check(
        digest == certificate.file_sha256,
        f"the file has been changed: its SHA-256 is {digest}, sealed as {certificate.file_sha256}",
    )
    weights = _weights_digest(model)
    _check(
        weights == certificate.weights_sha256,
        f"the weights' SHA-256 is {weights}, claimed is {certificate.weights_sha256}",
    )
    head = read_linear_head(model)
    _check(
        head.classes == len(certificate.classes),
        f"the head has {head.classes} classes, {len(certificate.classes)} are named",
    )
    _check(
        list(model.inputs) == [ValueInfo("image", "float32", ("N", *certificate.shape))],
        "the graph does not take image: float32 [N, H, W, C] of the claimed shape",
    )
    outputs = [
        ValueInfo("label", "int64", ("N",)),
        ValueInfo("radius", "float32", ("N",)),
        ValueInfo("logits", "float32", ("N", head.classes)),
        ValueInfo("latent", "float32", ("N", head.latent_size)),
    ]
    _check(list(model.outputs) == outputs, "the graph does not give label, radius, logits and latent, in this order")
    widens = any(node.op == "Cast" and node.attributes.get("to") == _FLOAT64 for node in model.nodes)
    found = "float64" if widens else "float32"
    _check(found == certificate.precision, f"the network is of {found}, the certificate says {certificate.precision}")
    levels = np.stack([vector.image for vector in certificate.vectors])
    return SealedModel(
        certificate=certificate,
        head=head,
        terms=margin_terms(certificate, head),
        images=levels.astype(np.float32) / np.float32(255),
        operators=frozenset(node.op for node in model.nodes),
        data=data,
        network=model.network,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def check_sha256(model: SealedModel, expected: str) -> None:
    """Raises CertificateError unless the file has this SHA-256: of all bytes, or as `glean verify` prints it."""
    found = (model.sha256, model.certificate.file_sha256)
    _check(expected.lower() in found, f"the file's SHA-256 is {found[0]} ({found[1]} with its field blank)")


def check_prover(certificate: Certificate) -> None:
    """Raises CertificateError if the claims are those of a version of the proof that accepted false ones."""
    _check(
        certificate.prover not in BROKEN_PROVERS,
        f"its claims are those of prover {certificate.prover}, which accepted false ones; "
        "prove it anew with 'glean verify' and give its sha256, or seal it anew",
    )


def _check(condition: bool, problem: str) -> None:
    if not condition:
        raise CertificateError(f"certificate: {problem}")


def _file_digest(data: bytes, text: str, digits: str) -> str:
    """SHA-256 of the file with its digest field, which contains `digits` now, set to zeros.

    The certificate is the only metadata, and a file of this form ends with its metadata. So the digits are as far from
    the end of the file as they are from the end of the text.
    """
    parts = text.split(f'"fileSha256":"{digits}"')
    _check(len(parts) == 2 and data.endswith(text.encode()), 'the field "fileSha256" is not there exactly once')
    end = len(data) - len(f'"{parts[1]}'.encode())
    blank = hashlib.sha256(data[: end - _DIGITS])
    blank.update(b"0" * _DIGITS)
    blank.update(data[end:])
    return blank.hexdigest()


def _weights_digest(model: Model) -> str:
    """SHA-256 of the initializers that do not belong to the head, in the order of the file."""
    digest = hashlib.sha256()
    for tensor in model.initializers.values():
        if not tensor.name.startswith(HEAD_PREFIX):
            digest.update(tensor.raw)
    return digest.hexdigest()
