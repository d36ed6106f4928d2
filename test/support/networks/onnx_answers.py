"""Runs an ONNX file, and nothing else, in Python's ONNX Runtime: pixels on stdin as float32, answers as JSON on stdout."""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
shape = session.get_inputs()[0].shape[1:]
images = np.frombuffer(sys.stdin.buffer.read(), dtype=np.float32).reshape(-1, *shape)
label, radius, logits = session.run(["label", "radius", "logits"], {"image": images})
json.dump({"label": label.tolist(), "radius": radius.tolist(), "logits": logits.tolist()}, sys.stdout)
