"""Asks a running service through tritonclient, in JSON and in binary, and prints its answers as JSON.

Usage: triton_client.py HOST:PORT MODEL PIXELS, where PIXELS is a file of float32 values, one whole image after another.
"""

import json
import sys

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def infer(client, model: str, images: numpy.ndarray, *, binary_in: bool, binary_out: bool, datatype="FP32", **how):
    image = triton.InferInput("image", images.shape, datatype)
    image.set_data_from_numpy(images, binary_data=binary_in)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("label", "radius", "logits")]
    result = client.infer(model, [image], outputs=outputs, request_id="tritonclient-1", **how)
    answer = result.get_response()
    return {
        "id": answer["id"],
        "model": answer["model_name"],
        "version": answer["model_version"],
        "parameters": answer["parameters"],
        "dtypes": {name: str(result.as_numpy(name).dtype) for name in ("label", "radius", "logits")},
        **{name: result.as_numpy(name).tolist() for name in ("label", "radius", "logits")},
    }


def default_outputs(client, model: str, images: numpy.ndarray):
    """Names no outputs, so the client asks for all of them, in binary."""
    image = triton.InferInput("image", images.shape, "FP32")
    image.set_data_from_numpy(images)
    result = client.infer(model, [image])
    return {name: result.as_numpy(name).tolist() for name in ("label", "radius", "logits")}


def refusal(client, model: str) -> str:
    image = triton.InferInput("image", [1, 2, 2, 1], "FP32")
    image.set_data_from_numpy(numpy.zeros((1, 2, 2, 1), numpy.float32))
    try:
        client.infer(model, [image])
    except InferenceServerException as error:
        return str(error)
    raise AssertionError("an image of the wrong shape was taken")


def load_refusal(client, model: str) -> str:
    try:
        client.load_model(model)
    except InferenceServerException as error:
        return str(error)
    raise AssertionError("a model was loaded on request")


def main(url: str, model: str, path: str) -> None:
    with triton.InferenceServerClient(url) as client:
        metadata = client.get_model_metadata(model)
        version = metadata["versions"][0]
        shape = metadata["inputs"][0]["shape"]
        images = numpy.fromfile(path, numpy.float32).reshape(shape)
        small = (images * 255).astype(numpy.uint8)
        how = {"model_version": version}
        answers = {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "modelReady": client.is_model_ready(model),
            "versionReady": client.is_model_ready(model, version),
            "otherReady": client.is_model_ready("no-such-model"),
            "server": client.get_server_metadata(),
            "model": metadata,
            "index": client.get_model_repository_index(),
            "load": load_refusal(client, model),
            "json": infer(client, model, images, binary_in=False, binary_out=False),
            "binary": infer(client, model, images, binary_in=True, binary_out=True),
            "mixed": infer(client, model, images, binary_in=True, binary_out=False, **how),
            "bytes": infer(client, model, small, binary_in=True, binary_out=True, datatype="UINT8"),
            "gzip": infer(client, model, images, binary_in=True, binary_out=True, request_compression_algorithm="gzip"),
            "deflate": infer(
                client, model, images, binary_in=False, binary_out=True, request_compression_algorithm="deflate"
            ),
            "default": default_outputs(client, model, images),
            "refusal": refusal(client, model),
        }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
