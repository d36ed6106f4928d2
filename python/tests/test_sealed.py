"""A file that is not what was sealed is refused, and says by what name."""

from __future__ import annotations

from collections.abc import Callable
import json
import random
import struct
from typing import Any

from glean_certify import CertificateError, Certifier, OnnxFormatError, UnprovenWarning
from glean_certify.file.json_form import parse, stringify
from glean_certify.file.sealed import read_sealed
import pytest

from .conftest import DIGITS, ROOT
from .files import certificate_of, sealed_again, sha256_of, weights_at, with_bit_flipped, with_certificate

DATA = DIGITS.read_bytes()
WEIGHTS = weights_at(DATA)


@pytest.mark.parametrize(
    ("at", "bit"),
    [(WEIGHTS[0], 0), (WEIGHTS[-1], 7), *[(random.Random(i).choice(WEIGHTS), i % 8) for i in range(10)]],
)
def test_one_flipped_weight_bit_is_refused(at: int, bit: int) -> None:
    with pytest.raises(CertificateError, match="the file has been changed: its SHA-256 is") as refused:
        Certifier.load(with_bit_flipped(DATA, at, bit))
    assert refused.value.code == "CERTIFICATE"


def test_no_flipped_bit_anywhere_is_accepted() -> None:
    rng = random.Random(5)
    for _ in range(120):
        with pytest.raises((CertificateError, OnnxFormatError)):
            read_sealed(with_bit_flipped(DATA, rng.randrange(len(DATA)), rng.randrange(8)))


def test_a_flipped_bit_with_digests_that_fit_is_refused_if_the_sha256_is_known() -> None:
    forged = sealed_again(with_bit_flipped(DATA, WEIGHTS[100], 0))
    with pytest.raises(CertificateError, match="the file's SHA-256 is"):
        Certifier.load(forged, sha256=sha256_of(DIGITS))


def test_what_nobody_vouches_for_is_loaded_with_a_warning() -> None:
    with pytest.warns(UnprovenWarning, match="nobody vouches"):
        Certifier.load(DATA)
    # No warning, which would be an error in these tests; both forms of the digest are taken.
    Certifier.load(DATA, sha256=sha256_of(DIGITS))
    Certifier.load(DATA, sha256=certificate_of(DATA)["fileSha256"])


@pytest.mark.parametrize("former", [1, 2])
def test_a_former_format_needs_a_new_proof(former: int) -> None:
    path = ROOT / f"test/fixtures/sealed/format-{former}.onnx"
    certificate = read_sealed(path.read_bytes()).certificate
    # Each format was written by one prover only.
    assert (certificate.format, certificate.prover) == (former, former)
    with pytest.raises(CertificateError, match=f"prover {former}, which accepted false ones"):
        Certifier.load(path)
    Certifier.load(path, sha256=sha256_of(path))


def test_a_file_that_is_written_another_way_is_refused() -> None:
    for changed, problem in [
        (DATA[:-1], "cut off"),
        (DATA[: len(DATA) // 2], "cut off"),
        (DATA + b"\x00\x00", "unknown, repeated or out of order"),
        # The IR version once more, as protobuf allows.
        (DATA + b"\x08\x08", "unknown, repeated or out of order"),
        # The same number in two bytes.
        (b"\x08\x88\x00" + DATA[2:], "spelled longer"),
        (b"", "one graph"),
        (b"hello, world", "unknown|wire type|cut off"),
        (DATA[:4] + b"ORTM" + DATA[8:], "ORTM"),
    ]:
        with pytest.raises(OnnxFormatError, match=problem):
            read_sealed(changed)


def change(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def changed(certificate: dict[str, Any]) -> None:
        place: Any = certificate
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return changed


def test_sealing_again_without_a_change_gives_the_same_bytes() -> None:
    assert sealed_again(DATA) == DATA


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (change("format", to=4), "format: expected 1, 2, 3, found 4"),
        (change("format", to=True), "format: expected"),
        (change("norm", to="linf"), 'norm: expected "l2", found "linf"'),
        (change("input", "shape", to=[28, 28, 1]), "the graph does not take image|image is not base64"),
        (change("input", "shape", to=[28, 28]), r"input\.shape"),
        (change("classes", to=["a", "b", "c"]), "vectors|the head has 2 classes, 3 are named"),
        (change("classes", to=["a", "a"]), "classes: expected different names"),
        (change("lipschitz", "upper", to=-1), r"lipschitz\.upper: expected a number ≥ 0, found -1"),
        (change("lipschitz", "upper", to="1"), r"lipschitz\.upper"),
        (change("weightsSha256", to="0" * 64), "the weights' SHA-256 is"),
        (change("vectors", to=[]), "vectors: expected a list of 1 to 256"),
        (
            change("vectors", 0, "logits", to=[0.1, 2]),
            r"vectors\[0\]\.logits\[0\]: expected a finite float32, found 0.1",
        ),
        (change("vectors", 0, "image", to="AAA="), "not base64"),
        (change("more", to=1), "more: expected no such field"),
        (lambda certificate: certificate.pop("sigma"), "sigma: expected a value"),
    ],
)
def test_a_certificate_with_another_field_is_refused(changed: Callable[[dict[str, Any]], None], problem: str) -> None:
    with pytest.raises(CertificateError, match=problem):
        read_sealed(sealed_again(DATA, changed))


def test_a_certificate_in_another_spelling_is_refused() -> None:
    certificate = certificate_of(DATA)
    certificate["fileSha256"] = "0" * 64
    text = stringify(certificate)
    for spelled in [
        text.replace(":3,", ":3.0,", 1),
        text.replace(",", ", ", 1),
        text.replace("{", '{"format":1,', 1),
        text.replace('"norm":"l2"', '"norm":"l\\u0032"'),
        text[:-1],
        "[" * 100_000,
        "null",
    ]:
        with pytest.raises(CertificateError):
            read_sealed(with_certificate(DATA, spelled))


def test_json_is_written_as_javascript_writes_it() -> None:
    rng = random.Random(3)
    numbers = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(2000)]
    numbers += [s * m * 10.0**e for s in (1, -1) for m in (1, 1.5, 123456789) for e in range(-12, 25)]
    numbers += [0.0, -0.0, 5e-324, 2.0**53, 1e21, 1e-7, 123e-9, 1.7976931348623157e308]
    numbers = [x for x in numbers if abs(x) < float("inf")]
    texts = ["é 😀 \x7f\u2028", '"\\/\b\f\n\r\t\x00\x1f', "\ud800"]
    value = {"numbers": numbers, "texts": texts, "rest": [None, True, False, {}, [], {"": {"a": []}}]}
    program = "const t = require('fs').readFileSync(0, 'utf8'); process.stdout.write(JSON.stringify(JSON.parse(t)))"
    written = _javascript(program, json.dumps(value))
    assert written == stringify(value)
    assert stringify(parse(written)) == written
    for text in ["1e400", "NaN", "-0", "1.0", '{"a":1,"a":1}', "[1 ]", "01", '"\\u0041"']:
        with pytest.raises(ValueError, match=r"."):
            parse(text)


def _javascript(program: str, text: str) -> str:
    import subprocess

    done = subprocess.run(["node", "-e", program], input=text, capture_output=True, encoding="utf-8", check=True)
    return done.stdout
