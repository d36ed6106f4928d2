"""How far OpenVINO is from the known vectors of the shipped models: python -m openvino_tests.measure

For each model and setting it prints the largest deviation of a logit over what the certificate allows, how many labels
differ, and how much larger a radius is than the stored one.
"""

from __future__ import annotations

from glean_certify.file.sealed import read_sealed
from glean_certify.margin import allowed_deviation, image_norms
import numpy as np

from .session import ACCURACY, BFLOAT16, FLOAT32, MODELS, OpenVino


def main() -> None:
    for path in MODELS:
        model = read_sealed(path.read_bytes())
        vectors = model.certificate.vectors
        images = model.images.reshape(len(vectors), *model.certificate.shape)
        allowed = allowed_deviation(image_norms(model.images), model.certificate, model.head)
        for name, settings in {"default": {}, "bfloat16": BFLOAT16, "float32": FLOAT32, "accuracy": ACCURACY}.items():
            session = OpenVino(model.data, settings)
            label, radius, logits = session.run(["label", "radius", "logits"], {"image": images})
            deviation = np.max(np.abs(logits.astype(np.float64) - [vector.logits for vector in vectors]), axis=1)
            wrong = int(np.sum(label != [vector.label for vector in vectors]))
            above = float(np.max(radius - [vector.radius for vector in vectors]))
            print(
                f"{path.parent.name} ({model.certificate.precision}), {name}{' (narrow)' if session.narrow else ''}: "
                f"deviation {np.max(deviation / allowed):.2g} of what is allowed, {wrong} labels differ, "
                f"radius at most {above:.2g} above"
            )


if __name__ == "__main__":
    main()
