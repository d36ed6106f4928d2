"""The command `glean` signs and proves; Python takes its word for one file, by its bytes."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess

from glean_certify import CertificateError, Certifier, GleanError, InputError, SignatureError, verify
import pytest

from .conftest import DIGITS, FACES, GLEAN, ROOT
from .files import sealed_again, weights_at, with_bit_flipped


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signed model, the key's public half, and somebody else's."""
    folder = tmp_path_factory.mktemp("signed")
    shutil.copy(DIGITS, folder / "model.onnx")
    for name in ("author", "stranger"):
        _glean("keygen", "--out", str(folder / name))
    _glean("sign", str(folder / "model.onnx"), "--key", str(folder / "author.private.pem"))
    return folder


def _glean(*words: str) -> None:
    subprocess.run([*GLEAN, *words], check=True, capture_output=True)


def test_a_signature_of_glean_sign_is_accepted(signed: Path) -> None:
    certifier = Certifier.load(signed / "model.onnx", public_key=signed / "author.public.pem")
    assert (
        certifier.classes
        == Certifier.load(
            (signed / "model.onnx").read_bytes(),
            public_key=(signed / "author.public.pem").read_text(),
            signature=(signed / "model.onnx.sig").read_text(),
        ).classes
    )


def test_a_wrong_key_is_refused(signed: Path) -> None:
    with pytest.raises(SignatureError, match="signature: by key [0-9a-f]{64}, expected key") as refused:
        Certifier.load(signed / "model.onnx", public_key=signed / "stranger.public.pem")
    assert refused.value.code == "SIGNATURE"


def test_a_wrong_key_that_claims_the_right_name_is_refused(signed: Path) -> None:
    text = (signed / "model.onnx.sig").read_text()
    with pytest.raises(SignatureError) as refused:
        Certifier.load(signed / "model.onnx", public_key=signed / "stranger.public.pem", signature=text)
    found, expected = refused.value.details["found"], refused.value.details["expected"]
    forged = text.replace(str(found), str(expected))
    with pytest.raises(SignatureError, match="not of these bytes by key"):
        Certifier.load(signed / "model.onnx", public_key=signed / "stranger.public.pem", signature=forged)


def test_other_bytes_than_the_signed_ones_are_refused(signed: Path) -> None:
    data = DIGITS.read_bytes()
    forged = sealed_again(with_bit_flipped(data, weights_at(data)[77], 3))
    (signed / "forged.onnx").write_bytes(forged)
    key = signed / "author.public.pem"
    with pytest.raises(SignatureError, match="none is given"):
        Certifier.load(signed / "forged.onnx", public_key=key)
    shutil.copy(signed / "model.onnx.sig", signed / "forged.onnx.sig")
    with pytest.raises(SignatureError, match="not of these bytes"):
        Certifier.load(signed / "forged.onnx", public_key=key)


def test_what_is_no_signature_and_no_key_is_refused(signed: Path) -> None:
    good = (signed / "model.onnx.sig").read_text()
    key = (signed / "author.public.pem").read_text()
    for text in [
        "",
        "[]",
        "{}",
        good.replace(":1", ":2"),
        good.replace("Ed25519", "RSA"),
        good.replace("==", ""),
        good * 2,
    ]:
        with pytest.raises(SignatureError):
            Certifier.load(signed / "model.onnx", public_key=key, signature=text)
    for pem in ["", "key", key.replace("PUBLIC", "PRIVATE"), key.replace("MC", "MD", 1)]:
        with pytest.raises(InputError, match="expected an Ed25519 public key"):
            Certifier.load(signed / "model.onnx", public_key=pem)
    with pytest.raises(InputError, match="against a public key"):
        Certifier.load(signed / "model.onnx", signature=good)
    with pytest.raises(InputError, match="cannot be read"):
        Certifier.load(signed / "model.onnx", public_key=signed / "nobody.pem")


def test_verify_asks_glean_and_its_sha256_vouches_for_the_file() -> None:
    found = verify(FACES, command=GLEAN)
    assert 0.99 < found.lipschitz <= found.claimed < 1.01
    # Without a warning, which would be an error in these tests.
    Certifier.load(FACES, sha256=found.sha256)
    with pytest.raises(CertificateError, match="SHA-256"):
        Certifier.load(DIGITS, sha256=found.sha256)


def test_verify_raises_what_glean_refuses(tmp_path: Path) -> None:
    def smaller(certificate: dict[str, dict[str, float]]) -> None:
        certificate["lipschitz"]["upper"] = 0.5

    path = tmp_path / "half.onnx"
    path.write_bytes(sealed_again(DIGITS.read_bytes(), smaller))
    with pytest.raises(CertificateError, match="refused by 'glean verify'") as refused:
        verify(path, command=GLEAN)
    assert refused.value.details["verified"] is False


def test_verify_without_glean_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError, match="no command 'glean' on PATH"):
        verify(DIGITS)
    with pytest.raises(InputError, match="gave no answer"):
        verify(DIGITS, command=["/nowhere/glean"])


def test_a_file_that_is_not_there_is_an_input_error() -> None:
    with pytest.raises(InputError, match="cannot be read") as refused:
        Certifier.load(ROOT / "models/none.onnx")
    assert refused.value.code == "INPUT"
    with pytest.raises(GleanError):
        verify(ROOT / "models/none.onnx", command=GLEAN)
