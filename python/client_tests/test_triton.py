"""NVIDIA's tritonclient, blocking and asynchronous: answers, configuration and statistics."""

from __future__ import annotations

import asyncio
from typing import Any

from google.protobuf.json_format import ParseDict
import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.grpc import model_config_pb2, service_pb2
import tritonclient.http as triton
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

from .conftest import MODEL, SHAPE, Pictures

NAMES = ("label", "radius", "logits")


def request(module: Any, images: npt.NDArray[Any], *, binary: bool = True) -> dict[str, Any]:
    """What `infer` of either client takes."""
    datatype = "UINT8" if images.dtype == np.uint8 else "FP32"
    image = module.InferInput("image", list(images.shape), datatype)
    image.set_data_from_numpy(images, binary_data=binary)
    outputs = [module.InferRequestedOutput(name, binary_data=binary) for name in NAMES]
    return {"model_name": MODEL, "inputs": [image], "outputs": outputs}


@pytest.mark.parametrize("binary", [True, False])
def test_the_blocking_client_gets_the_answers_of_glean_predict(service: str, pictures: Pictures, binary: bool) -> None:
    with triton.InferenceServerClient(service) as client:
        for images in (pictures.levels, pictures.pixels):
            result = client.infer(**request(triton, images, binary=binary))
            pictures.check(result.as_numpy("label"), result.as_numpy("radius"))
            assert result.as_numpy("logits").shape == (len(images), 2)


def test_the_asynchronous_client_gets_the_answers_of_glean_predict(service: str, pictures: Pictures) -> None:
    async def ask() -> list[Any]:
        async with aio.InferenceServerClient(service) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready(MODEL)
            # One after the other and all together.
            one = [await client.infer(**request(aio, pictures.pixels))]
            return one + await asyncio.gather(
                *(client.infer(**request(aio, pictures.levels, binary=i % 2 == 0)) for i in range(20))
            )

    results = asyncio.run(ask())
    assert len(results) == 21
    for result in results:
        pictures.check(result.as_numpy("label"), result.as_numpy("radius"))


def test_the_configuration_is_a_model_config_and_agrees_with_the_metadata(service: str) -> None:
    with triton.InferenceServerClient(service) as client:
        config = client.get_model_config(MODEL)
        metadata = client.get_model_metadata(MODEL)
        extensions = client.get_server_metadata()["extensions"]
        (version,) = metadata["versions"]
        assert client.get_model_config(MODEL, version) == config
        with pytest.raises(InferenceServerException, match="no such version"):
            client.get_model_config(MODEL, "12")
    assert {"model_configuration", "statistics"} <= set(extensions)
    # Raises if a field has another name or type than Triton's message.
    message = ParseDict(config, model_config_pb2.ModelConfig())
    assert (message.name, message.platform) == (MODEL, metadata["platform"])
    assert list(message.input[0].dims) == list(SHAPE)
    assert message.input[0].format == model_config_pb2.ModelInput.FORMAT_NHWC
    for ours, theirs in zip(metadata["inputs"] + metadata["outputs"], [*message.input, *message.output], strict=True):
        assert ours["name"] == theirs.name
        assert f"TYPE_{ours['datatype']}" == model_config_pb2.DataType.Name(theirs.data_type)
        assert ours["shape"] == [-1, *theirs.dims]
    assert message.max_batch_size == 512
    assert message.instance_group[0].count == 2
    assert message.parameters["sha256"].string_value == metadata["parameters"]["sha256"]


def test_no_request_has_more_images_than_the_configuration_says(service: str) -> None:
    with triton.InferenceServerClient(service) as client:
        most = client.get_model_config(MODEL)["max_batch_size"]
        images = np.zeros((most + 1, *SHAPE), np.uint8)
        assert client.infer(**request(triton, images[:most])).as_numpy("label").shape == (most,)
        with pytest.raises(InferenceServerException, match="513 images in one request, expected at most 512"):
            client.infer(**request(triton, images))


def statistics_of(client: Any, version: str = "") -> dict[str, Any]:
    answer = client.get_inference_statistics(MODEL, version)
    # Raises if a field has another name or type than Triton's message.
    ParseDict(answer, service_pb2.ModelStatisticsResponse())
    (found,) = answer["model_stats"]
    assert found["name"] == MODEL
    return dict(found)


def test_the_statistics_count_what_was_asked_of_all_workers(service: str, pictures: Pictures) -> None:
    with triton.InferenceServerClient(service) as client:
        (version,) = client.get_model_metadata(MODEL)["versions"]
        before = statistics_of(client)
    # Each client has a connection of its own, so that both workers answer.
    for _ in range(6):
        with triton.InferenceServerClient(service) as client:
            client.infer(**request(triton, pictures.levels))
    with triton.InferenceServerClient(service) as client:
        with pytest.raises(InferenceServerException, match="expected"):
            client.infer(**request(triton, np.zeros((1, 2, 2, 1), np.uint8)))
        after = statistics_of(client, version)
        all_models = client.get_inference_statistics()["model_stats"]
        with pytest.raises(InferenceServerException, match="no such model"):
            client.get_inference_statistics("no-such-model")
    assert after["version"] == version
    assert after["inference_count"] - before["inference_count"] == 6 * len(pictures.label)
    assert 1 <= after["execution_count"] - before["execution_count"] <= 6
    assert after["last_inference"] > before["last_inference"]
    gained = {
        stage: {key: after["inference_stats"][stage][key] - value for key, value in sums.items()}
        for stage, sums in before["inference_stats"].items()
    }
    counts = {stage: sums["count"] for stage, sums in gained.items()}
    assert counts == {
        **dict.fromkeys(("success", "queue", "compute_infer"), 6),
        "fail": 1,
        **dict.fromkeys(("compute_input", "compute_output", "cache_hit", "cache_miss"), 0),
    }
    # Parts of the whole.
    assert gained["compute_infer"]["ns"] > 0
    assert gained["queue"]["ns"] + gained["compute_infer"]["ns"] < gained["success"]["ns"]
    assert {model["name"] for model in all_models} == {"avatars", "avatars-erm", "cmnist", "cmnist-erm"}
    assert next(model for model in all_models if model["name"] == MODEL) == after
