"""MLServer's types and codecs, as its users write requests and read answers; it has no client of its own."""

from __future__ import annotations

from typing import Any
import urllib.request

from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, Parameters, RequestOutput
import numpy as np
import numpy.typing as npt
import pytest

from .conftest import MODEL, SHAPE, Pictures


def ask(url: str, body: str | None = None) -> bytes:
    data = None if body is None else body.encode()
    asking = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asking) as answer:
        text: bytes = answer.read()
    return text


@pytest.mark.parametrize("absent_as_null", [True, False])
def test_its_types_carry_the_answers_of_glean_predict(service: str, pictures: Pictures, absent_as_null: bool) -> None:
    def infer(images: npt.NDArray[Any]) -> InferenceResponse:
        request = InferenceRequest(
            id="mlserver-1",
            # MLServer tells how an answer is to be decoded in such parameters, which mean nothing to us.
            parameters=Parameters(content_type="np"),
            inputs=[NumpyCodec.encode_input("image", images)],
            outputs=[RequestOutput(name=name) for name in ("label", "radius")],
        )
        text = request.model_dump_json(exclude_none=not absent_as_null)
        return InferenceResponse.model_validate_json(ask(f"http://{service}/v2/models/{MODEL}/infer", text))

    for images in (pictures.levels, pictures.pixels):
        answer = infer(images)
        assert (answer.id, answer.model_name) == ("mlserver-1", MODEL)
        found = {output.name: NumpyCodec.decode_output(output) for output in answer.outputs}
        pictures.check(found["label"], found["radius"])


def test_its_types_read_the_metadata(service: str) -> None:
    found = MetadataModelResponse.model_validate_json(ask(f"http://{service}/v2/models/{MODEL}"))
    assert found.inputs is not None
    assert found.outputs is not None
    assert found.inputs[0].shape == [-1, *SHAPE]
    assert {output.name: np.dtype(_numpy_name(output.datatype)).kind for output in found.outputs} == {
        "label": "i",
        "radius": "f",
        "logits": "f",
    }


def _numpy_name(datatype: str) -> str:
    return datatype.lower().replace("fp", "float")
