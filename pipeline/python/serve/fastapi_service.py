"""The service that glean's is measured against: FastAPI and ONNX Runtime, written the usual way.

It serves one sealed model (GLEAN_MODEL), with label and radius from the graph. `/predict` takes JSON and
`/predict/raw` takes raw float32.
Run: uvicorn fastapi_service:app
"""

import os

import numpy
import onnxruntime
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

session = onnxruntime.InferenceSession(os.environ["GLEAN_MODEL"])
shape = session.get_inputs()[0].shape[1:]
app = FastAPI()


class Image(BaseModel):
    data: list[float]


class Prediction(BaseModel):
    label: int
    radius: float
    logits: list[float]


def run(pixels: numpy.ndarray) -> Prediction:
    if pixels.size != numpy.prod(shape):
        raise HTTPException(400, f"expected {shape}, found {pixels.size} values")
    label, radius, logits = session.run(["label", "radius", "logits"], {"image": pixels.reshape(1, *shape)})
    return Prediction(label=int(label[0]), radius=float(radius[0]), logits=logits[0].tolist())


@app.get("/health")
async def health() -> dict[str, bool]:
    return {"ready": True}


@app.post("/predict")
async def predict(image: Image) -> Prediction:
    return run(numpy.array(image.data, numpy.float32))


@app.post("/predict/raw")
async def predict_raw(request: Request) -> Prediction:
    return run(numpy.frombuffer(await request.body(), numpy.float32))
