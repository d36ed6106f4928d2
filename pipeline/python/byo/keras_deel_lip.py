"""Makes test/fixtures/byo/keras-deel-lip.onnx: a 1-Lipschitz Keras network, as deel-lip and tf2onnx write it.

Not part of the project's own toolchain. Made with Python 3.11.7 and

    pip install deel-lip==1.5.0 tensorflow-cpu==2.15.1 tf2onnx==1.16.1 'numpy<2'   # keras 2.15.0, onnx 1.17.0, numpy 1.26.4
    python pipeline/python/byo/keras_deel_lip.py test/fixtures/byo
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf  # noqa: E402
import tf2onnx  # noqa: E402
from deel.lip.layers import (  # noqa: E402
    FullSort,
    GroupSort2,
    ScaledAveragePooling2D,
    SpectralConv2D,
    SpectralDense,
)
from deel.lip.losses import MulticlassHKR  # noqa: E402
from deel.lip.model import Sequential  # noqa: E402
from digits import digits  # noqa: E402

tf.keras.utils.set_random_seed(1)
model = Sequential(
    [
        tf.keras.layers.Input((14, 14, 1)),
        SpectralConv2D(8, (3, 3), padding="same"),
        GroupSort2(),
        ScaledAveragePooling2D((2, 2)),
        SpectralConv2D(16, (3, 3), padding="same"),
        GroupSort2(),
        ScaledAveragePooling2D((2, 2)),
        tf.keras.layers.Flatten(),
        SpectralDense(32),
        FullSort(),
        SpectralDense(10, use_bias=True),
    ]
)
model.compile(
    loss=MulticlassHKR(alpha=100.0, min_margin=0.5),
    optimizer=tf.keras.optimizers.Adam(2e-3),
    metrics=["accuracy"],
)
images, labels = digits(600)
held = len(images) // 6
model.fit(
    images[held:], tf.one_hot(labels[held:], 10), epochs=6, batch_size=64, verbose=2,
    validation_data=(images[:held], tf.one_hot(labels[:held], 10)),
)  # fmt: skip
plain = model.vanilla_export()
tf2onnx.convert.from_keras(
    plain,
    (tf.TensorSpec((None, 14, 14, 1), tf.float32, name="digit"),),
    output_path=os.path.join(sys.argv[1], "keras-deel-lip.onnx"),
)
