"""What executes the file is checked before the first image: reduced precision and faults are refused by name."""

from __future__ import annotations

from glean_certify import Certifier, GleanError, ProviderError
from glean_certify.certifier import load_with
from glean_certify.file.sealed import read_sealed
from glean_certify.margin import allowed_deviation, image_norms
from glean_certify.run.runtime import OnnxRuntime, provider_named
import numpy as np
import onnxruntime
import pytest

from .conftest import DIGITS, Answers
from .doctored import Answers as Outputs
from .doctored import Doctored
from .files import sha256_of

DATA = DIGITS.read_bytes()
SHA256 = sha256_of(DIGITS)


def refusal(runtime: Doctored, **options: int) -> str:
    with pytest.raises(ProviderError) as refused:
        load_with(runtime, DATA, sha256=SHA256, threads=1, **options)  # type: ignore[arg-type]
    assert refused.value.code == "PROVIDER"
    return str(refused.value)


def test_the_doctored_runtime_is_accepted_while_nothing_is_wrong() -> None:
    runtime = Doctored()
    load_with(runtime, DATA, sha256=SHA256, batch_size=48, threads=1)
    vectors = len(read_sealed(DATA).images)
    # The probe at 1, 48 and 64 rows; the vectors one by one, together, and as a batch.
    assert runtime.runs == [1, 48, 64, *[1] * vectors, vectors, 48]


@pytest.mark.parametrize("precision", ["bfloat16", "tf32"])
def test_reduced_precision_is_refused(precision: str) -> None:
    message = refusal(Doctored(precision, where=lambda _probe, _rows: True))
    assert "does not compute in float32: of 1 rows, a sum of integers is" in message


@pytest.mark.parametrize("precision", ["bfloat16", "tf32"])
def test_reduced_precision_of_batches_alone_is_refused(precision: str) -> None:
    # So does CUDA with TF32: another kernel computes a single row, and exactly.
    assert "of 64 rows" in refusal(Doctored(precision, where=lambda _probe, rows: rows >= 64))
    assert "of 48 rows" in refusal(Doctored(precision, where=lambda _probe, rows: rows == 48), batch_size=48)


def test_bfloat16_that_spares_the_probe_is_refused_by_the_known_vectors() -> None:
    for rows in (lambda n: n == 1, lambda n: n > 1):
        message = refusal(Doctored(where=lambda probe, n, rows=rows: not probe and rows(n)))  # type: ignore[misc]
        assert "logits deviate by" in message


def test_a_size_of_batch_is_checked_before_it_is_used(digits: Answers) -> None:
    runtime = Doctored(where=lambda probe, rows: not probe and rows == 13)
    certifier = load_with(runtime, DATA, sha256=SHA256, batch_size=20, threads=1)
    certifier.predict(digits.images[:40])
    before = len(runtime.runs)
    certifier.predict(digits.images[:40])
    # Once checked, a size costs nothing more.
    assert runtime.runs[before:] == [20, 20]
    with pytest.raises(ProviderError, match="logits deviate by"):
        certifier.predict(digits.images[:33])


def test_logits_are_compared_even_if_label_and_radius_are_right() -> None:
    model = read_sealed(DATA)
    allowed = allowed_deviation(image_norms(model.images), model.certificate, model.head)

    def shifted(by: float) -> Doctored:
        def shift(answers: Outputs) -> None:
            answers["logits"] = answers["logits"] + np.float32(by)

        return Doctored(change=shift)

    # The radius of a difference of logits does not change if all of them do.
    assert "logits deviate by" in refusal(shifted(1.01 * float(allowed.max())))
    load_with(shifted(0.5 * float(allowed.min())), DATA, sha256=SHA256, threads=1)


def test_a_head_that_gives_more_than_follows_from_the_logits_is_refused() -> None:
    def doubled(answers: Outputs) -> None:
        answers["radius"] = answers["radius"] * np.float32(1.001) + np.float32(1e-4)

    def swapped(answers: Outputs) -> None:
        answers["label"] = 1 - answers["label"]

    def not_a_number(answers: Outputs) -> None:
        answers["radius"] = answers["radius"] * np.float32(np.nan)

    def negative(answers: Outputs) -> None:
        answers["radius"] = -answers["radius"] - np.float32(1)

    for change in (doubled, swapped, not_a_number, negative):
        assert "follows from its logits" in refusal(Doctored(change=change))


def test_answers_that_are_no_numbers_or_too_few_are_refused() -> None:
    def infinite(answers: Outputs) -> None:
        answers["logits"] = answers["logits"] * np.float32(np.inf)

    def cut(answers: Outputs) -> None:
        answers["logits"] = answers["logits"][:, :1]

    def wide(answers: Outputs) -> None:
        answers["logits"] = answers["logits"].astype(np.float64)

    def few(answers: Outputs) -> None:
        answers["radius"] = answers["radius"][:0]

    for change, problem in ((infinite, "not finite"), (cut, "expected"), (wide, "float64"), (few, "radii for")):
        assert problem in refusal(Doctored(change=change))


def test_providers_that_nothing_is_proven_about_are_refused_by_name() -> None:
    for name in ("OpenVINOExecutionProvider", "AzureExecutionProvider", "CoreMLExecutionProvider", "gpu", ""):
        with pytest.raises(ProviderError, match=f"no radius is proven for provider '{name}'"):
            Certifier.load(DIGITS, sha256=SHA256, providers=name)
    with pytest.raises(ProviderError, match="no provider of the list works"):
        Certifier.load(DIGITS, sha256=SHA256, providers=[])


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is CUDA here")
def test_a_provider_that_is_not_here_is_refused_and_the_next_one_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    with pytest.raises(ProviderError, match="'CUDAExecutionProvider' is not available here"):
        Certifier.load(DIGITS, sha256=SHA256, providers="cuda")
    certifier = Certifier.load(DIGITS, sha256=SHA256, providers=["cuda", "CPUExecutionProvider"])
    assert certifier.provider == "CPUExecutionProvider"


def test_cuda_is_refused_with_tf32_on_or_for_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    with pytest.raises(ProviderError, match="NVIDIA_TF32_OVERRIDE=1 is set"):
        provider_named("cuda", frozenset())
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE")
    with pytest.raises(ProviderError, match="may compute Conv in a way that nothing is proven about"):
        provider_named("cuda", frozenset({"Conv", "Relu"}))
    assert provider_named("cuda", frozenset({"MatMul"})).options == {"use_tf32": "0"}


def test_a_session_that_fell_back_to_another_provider_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # ONNX Runtime leaves out a provider whose library does not load, and says so in a warning only.
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    provider = provider_named("cuda", frozenset())
    present = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: present)
    make = onnxruntime.InferenceSession

    def without_cuda(model: bytes, options: object, **_: object) -> object:
        return make(model, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_cuda)
    with pytest.raises(ProviderError, match="runs on CPUExecutionProvider, expected CUDAExecutionProvider"):
        OnnxRuntime().open(DATA, provider, None)


@pytest.mark.parametrize(
    ("version", "tested"), [("1.19.2", False), ("1.20.0", True), ("1.33.0", False), ("2.0.1", False)]
)
def test_only_tested_versions_of_onnx_runtime_are_taken(
    monkeypatch: pytest.MonkeyPatch, version: str, tested: bool
) -> None:
    monkeypatch.setattr(onnxruntime, "__version__", version)
    if tested:
        OnnxRuntime()
    else:
        with pytest.raises(ProviderError, match=f"onnxruntime {version} has not been tested"):
            OnnxRuntime()


def test_a_file_that_the_provider_cannot_load_is_refused_by_name() -> None:
    with pytest.raises(GleanError) as refused:
        OnnxRuntime().open(b"no model", provider_named("cpu", frozenset()), None)
    assert refused.value.code == "PROVIDER"
