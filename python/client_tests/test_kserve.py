"""KServe's own client for inference over REST."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
import numpy as np
import numpy.typing as npt
import pytest

from .conftest import MODEL, Pictures


def client() -> Any:
    return InferenceRESTClient(RESTConfig(protocol="v2"))


def request(images: npt.NDArray[Any], *, binary: bool) -> Any:
    datatype = "UINT8" if images.dtype == np.uint8 else "FP32"
    image = InferInput("image", list(images.shape), datatype)
    image.set_data_from_numpy(images, binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[image], request_id="kserve-1")


@pytest.mark.parametrize("binary", [True, False])
def test_the_client_gets_the_answers_of_glean_predict(service: str, pictures: Pictures, binary: bool) -> None:
    async def ask(images: npt.NDArray[Any]) -> Any:
        async with client() as asking:
            return await asking.infer(f"http://{service}", request(images, binary=binary), model_name=MODEL)

    for images in (pictures.levels, pictures.pixels):
        answer = asyncio.run(ask(images))
        assert (answer.id, answer.model_name) == ("kserve-1", MODEL)
        found = {output.name: output.as_numpy() for output in answer.outputs}
        pictures.check(found["label"], found["radius"])
        assert answer.parameters["norm"] == "l2"


def test_the_client_is_told_what_is_ready_and_why_it_is_refused(service: str) -> None:
    async def ask() -> None:
        url = f"http://{service}"
        async with client() as asking:
            assert await asking.is_server_live(url)
            assert await asking.is_server_ready(url)
            assert await asking.is_model_ready(url, MODEL)
            assert not await asking.is_model_ready(url, "no-such-model")
            wrong = request(np.zeros((1, 2, 2, 1), np.float32), binary=True)
            with pytest.raises(httpx.HTTPStatusError, match=r"found shape \[1,2,2,1\], expected \[N, 28, 28, 3\]"):
                await asking.infer(url, wrong, model_name=MODEL)

    asyncio.run(ask())
