"""Files of format 3, float64 networks and scalar functions: sealed here, and answered as Node answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import re
import subprocess
from typing import Any

from glean_certify import CertificateError, Certifier, ProviderError
from glean_certify.certifier import Radius, load_with
from glean_certify.file.certificate import BROKEN_PROVERS
from glean_certify.file.sealed import read_sealed
from glean_certify.run.functions import check_form, check_functions, forms, probe_inputs
from glean_certify.run.probe import check_arithmetic, probe_model
from glean_certify.run.runtime import FUNCTIONS, OnnxRuntime, Session, provider_named
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
import pytest

from .conftest import BATCH, GLEAN, ROOT, Answers, answers_of, node
from .doctored import Answers as Outputs
from .doctored import Doctored
from .files import sealed_again, sha256_of

SHAPE = (4, 4, 3)
CPU = provider_named("cpu", frozenset())


def network(activation: str) -> bytes:
    """Two layers of random weights, as somebody might export them."""
    rng = np.random.default_rng(21)

    def constant(name: str, *dims: int) -> onnx.TensorProto:
        return numpy_helper.from_array((rng.normal(size=dims) / np.sqrt(dims[-1])).astype(np.float32), name)

    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["hidden"], transB=1),
        helper.make_node(activation, ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["scores"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *SHAPE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3])],
        [constant("w1", 16, 48), constant("b1", 16), constant("w2", 3, 16), constant("b2", 3)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture(scope="module", params=[("Relu", "float64"), ("Tanh", "float32")], ids=lambda p: "-".join(p))
def sealed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    activation, precision = request.param
    folder = tmp_path_factory.mktemp(activation)
    (folder / "original.onnx").write_bytes(network(activation))
    images = np.random.default_rng(22).integers(0, 256, (150, *SHAPE), dtype=np.uint8)
    (folder / "images.bin").write_bytes(images.tobytes())
    words = ["--layout", "NHWC", "--precision", precision, "--out", str(folder / "model.onnx")]
    subprocess.run([*GLEAN, "seal", str(folder / "original.onnx"), *words], check=True, capture_output=True)
    return answers_of(folder / "model.onnx", str(folder / "images.bin"), folder)


@pytest.mark.parametrize("radius", ["graph", "float64"])
def test_a_file_of_format_3_is_answered_as_in_node(sealed: Answers, radius: Radius) -> None:
    certifier = Certifier.load(sealed.model, sha256=sha256_of(sealed.model), batch_size=BATCH, radius=radius, threads=1)
    certificate = certifier.certificate
    assert certificate.format == 3
    assert certificate.precision == ("float64" if "Relu" in sealed.model.parent.name else "float32")
    found = certifier.predict(sealed.images)
    np.testing.assert_array_equal(found.label, sealed.labels)
    if radius == "float64":
        np.testing.assert_array_equal(found.radius, sealed.radii)
    else:
        assert (found.radius <= sealed.radii).all()
        np.testing.assert_allclose(found.radius, sealed.radii, atol=1e-4)
    assert np.mean(found.radius > 0) > 0.9
    assert read_sealed(sealed.model.read_bytes()).network == sealed.network


def test_a_precision_that_is_not_the_networks_is_refused(sealed: Answers) -> None:
    def other(certificate: dict[str, object]) -> None:
        found = str(certificate["precision"])
        wanted = "float64" if found == "float32" else "float32"
        certificate["precision"] = wanted
        certificate[wanted] = certificate.pop(found)

    with pytest.raises(CertificateError, match="the network is of float.., the certificate says float"):
        read_sealed(sealed_again(sealed.model.read_bytes(), other))


class Narrow:
    """A session that multiplies in float32, whatever the type."""

    def run(self, _: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        a, b = (feeds[name].astype(np.float32) for name in ("a", "b"))
        return [(a @ b).astype(np.float64)]


def test_a_float64_product_in_float32_is_refused() -> None:
    session = OnnxRuntime().open(probe_model("float64"), CPU, 1)
    check_arithmetic(session, precision="float64")
    with pytest.raises(ProviderError, match="does not compute in float64: of 1 rows"):
        check_arithmetic(Narrow(), precision="float64")
    with pytest.raises(ProviderError, match="no radius is proven for a float64 network on provider 'cuda'"):
        provider_named("cuda", frozenset(), "float64")


def test_the_same_versions_of_the_proof_are_taken_for_broken() -> None:
    text = (ROOT / "src/certify-runtime/signature/provers.ts").read_text()
    (found,) = re.findall(r"BROKEN_PROVERS[^=]*= (\[[^\]]*\]);", text)
    assert frozenset(json.loads(found)) == BROKEN_PROVERS


def test_the_functions_are_those_that_node_checks() -> None:
    here = Path(__file__).resolve().parents[1] / "glean_certify/run/functions.json"
    expected = json.loads(node("pipeline/oracle.ts", "functions"))
    hint = "node --import tsx pipeline/oracle.ts functions > python/glean_certify/run/functions.json"
    assert json.loads(here.read_text()) == expected, hint
    assert frozenset(expected["functions"].split()) == FUNCTIONS
    assert {op for form in forms() for op in form.operators} >= FUNCTIONS


class OneValue:
    """A session that gives one value of another's as this one."""

    def __init__(self, right: Session, at: int, value: float) -> None:
        self.right, self.at, self.value = right, at, value

    def run(self, outputs: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        y = self.right.run(outputs, feeds)[0].copy()
        y[0, 0, self.at] = self.value
        return [y]


def test_every_function_of_onnx_runtime_is_within_what_is_allowed_and_a_little_more_is_refused() -> None:
    x = probe_inputs()
    wide = x.astype(np.float64)
    assert len(x) > 20_000
    assert np.isfinite(x).all()
    for form in forms():
        session = OnnxRuntime().open(form.model, CPU, 1)
        check_form(form, session)
        # One value too far off, at an input where float32 can show it.
        allowed, exact = form.allowed(wide), form.exact(wide)
        far = (exact + 1.5 * allowed).astype(np.float32)
        shown = np.flatnonzero(np.abs(far.astype(np.float64) - exact) > allowed)
        assert len(shown) > 1000
        at = int(shown[len(shown) // 2])
        for value in (float(far[at]), float("nan")):
            with pytest.raises(ProviderError, match="further off than a radius allows for"):
                check_form(form, OneValue(session, at, value))


def test_a_provider_that_approximates_tanh_is_refused(sealed: Answers) -> None:
    if "Tanh" not in sealed.model.parent.name:
        return

    def approximate(answers: Outputs) -> None:
        if "y" in answers:
            answers["y"] = answers["y"] * np.float32(1 + 1e-5)

    with pytest.raises(ProviderError, match=r"the provider computes Tanh\(x\) of"):
        load_with(Doctored(change=approximate), sealed.model.read_bytes(), sha256=sha256_of(sealed.model), threads=1)


def test_a_function_that_nobody_here_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glean_certify.run.functions.FUNCTIONS", frozenset({"Tanh", "Gelu"}))
    with pytest.raises(ProviderError, match="does not know what a provider may make of Gelu"):
        check_functions(lambda model: OnnxRuntime().open(model, CPU, 1), frozenset({"Gelu", "MatMul"}))
