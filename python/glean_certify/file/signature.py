"""Checks detached Ed25519 signatures (RFC 8032) over a file's bytes, as `glean sign` writes them into `.sig` files.

It needs the package cryptography: pip install 'glean-certify[signature]'.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re

from ..errors import InputError, SignatureError

_SIGNATURE_BYTES = 64
# The DER of every Ed25519 public key, except its 32 bytes: SubjectPublicKeyInfo (RFC 8410).
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
_KEY_BYTES = 32


def read_public_key(pem: str) -> bytes:
    """The 32 bytes of the public key in a PEM text. Raises InputError if it is anything else."""
    match = re.fullmatch(r"\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----\s*", pem)
    der = _from_base64(re.sub(r"\s", "", match[1])) if match else None
    if der is None or len(der) != len(_SPKI_PREFIX) + _KEY_BYTES or not der.startswith(_SPKI_PREFIX):
        raise InputError(
            "expected an Ed25519 public key in PEM, '-----BEGIN PUBLIC KEY-----'; 'glean keygen' writes one"
        )
    return der[len(_SPKI_PREFIX) :]


def check_signature(data: bytes, text: str | None, pem: str) -> None:
    """Checks that the text of a `.sig` file is a signature of these bytes by this key.

    Raises SignatureError if it is not, or if there is none.
    """
    key = read_public_key(pem)
    key_id = hashlib.sha256(key).hexdigest()
    if text is None:
        raise SignatureError(f"signature: none is given, expected one by key {key_id}")
    found, signature = _parse(text)
    if found != key_id:
        raise SignatureError(f"signature: by key {found}, expected key {key_id}", {"found": found, "expected": key_id})
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise InputError(
            "signatures are checked by the package cryptography, which cannot be loaded: "
            "pip install 'glean-certify[signature]'"
        ) from error
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except InvalidSignature as error:
        raise SignatureError(f"signature: not of these bytes by key {key_id}", {"expected": key_id}) from error


def _parse(text: str) -> tuple[str, bytes]:
    """The key's id and the signature."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SignatureError("signature: expected JSON as 'glean sign' writes it") from error
    if not isinstance(content, dict) or set(content) != {"format", "algorithm", "keyId", "signature"}:
        raise SignatureError('signature: expected {"format":1,"algorithm","keyId","signature"}')
    if content["format"] != 1 or content["algorithm"] != "Ed25519":
        raise SignatureError('signature: expected format 1 and algorithm "Ed25519"')
    key_id, signature = content["keyId"], content["signature"]
    if not isinstance(key_id, str) or not re.fullmatch("[0-9a-f]{64}", key_id):
        raise SignatureError("signature: expected keyId of 64 hexadecimal digits")
    value = _from_base64(signature) if isinstance(signature, str) else None
    if value is None or len(value) != _SIGNATURE_BYTES:
        raise SignatureError(f"signature: expected a signature of {_SIGNATURE_BYTES} bytes in base64")
    return key_id, value


def _from_base64(text: str) -> bytes | None:
    """The bytes, or None if base64 is spelled in another way than an encoder does."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None
