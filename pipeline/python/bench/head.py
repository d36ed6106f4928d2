"""Times a sealed file against its network alone in ONNX Runtime, one thread, run in turn.

    python head.py NETWORK SEALED BATCH RUNS ROUNDS

writes the ratio of the medians of each round, as JSON. Both give all of their outputs.
"""

import json
import os
import statistics
import sys
import time

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy  # noqa: E402
import onnxruntime  # noqa: E402


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main(network, sealed, batch, runs, rounds):
    sessions = [open_session(network), open_session(sealed)]
    shape = sessions[0].get_inputs()[0].shape[1:]
    image = {"image": numpy.random.default_rng(0).random((batch, *shape), dtype=numpy.float32)}
    ratios = []
    for index in range(-1, rounds):
        times = [[], []]
        for _ in range(runs):
            for session, taken in zip(sessions, times):
                # The second of two runs: the caches then hold what this session leaves, and not the other one.
                session.run(None, image)
                begin = time.perf_counter_ns()
                session.run(None, image)
                taken.append(time.perf_counter_ns() - begin)
        plain, ours = map(statistics.median, times)
        if index >= 0:
            ratios.append(ours / plain)
    json.dump(ratios, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
