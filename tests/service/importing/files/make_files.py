"""Turns tiny Keras networks into the ONNX files beside this one, with what TensorFlow itself answers.

    python make_files.py      # with tensorflow-cpu 2.21, keras 3.15, tf2onnx 1.17: not in Convscope's own environment

For each file: `<name>.onnx` and `<name>.json`, which holds a picture, uint8 (h, w, c), and TensorFlow's answer to it.
"""

# mypy: ignore-errors
# ruff: noqa: INP001 - a script beside its files, run where TensorFlow is

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

FOLDER = Path(__file__).parent


def lenet(head: str | None) -> keras.Model:
    """Grey 28x28, as Keras's own MNIST example has it: scaled inside the network."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="picture"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(6, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation=head),
        ]
    )


def mobile(outputs: int, head: str | None) -> keras.Model:
    """Colour of 32x32: what Keras's MobileNets are made of."""
    picture = keras.Input((32, 32, 3), name="picture")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(picture)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.Activation("swish")(y)
    y = layers.Conv2D(8, 1)(y)
    x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(picture, layers.Dense(outputs, activation=head)(x))


def by_tf2onnx(model: keras.Model, path: Path, opset: int, batch: int | None = None) -> None:
    """The way of tf2onnx's own documentation."""
    shape = (batch, *model.inputs[0].shape[1:])
    function = tf.function(lambda picture: model(picture, training=False))
    tf2onnx.convert.from_function(
        function, [tf.TensorSpec(shape, tf.float32, name="picture")], opset=opset, output_path=str(path)
    )


def by_keras(model: keras.Model, path: Path) -> None:
    """Keras's own export, with the TensorFlow backend."""
    model(np.zeros((1, *model.inputs[0].shape[1:]), np.float32))  # it exports only what was called
    model.export(str(path), format="onnx", verbose=False)


def write(name: str, model: keras.Model, export: Callable[[keras.Model, Path], None]) -> None:
    """A file and what it has to answer."""
    chance = np.random.default_rng(1)
    for variable in model.weights:
        spread = chance.normal(0, 0.3, variable.shape)
        variable.assign(np.abs(spread) + 0.5 if "variance" in variable.path else spread)
    export(model, FOLDER / f"{name}.onnx")
    height, width, channels = model.inputs[0].shape[1:]
    picture = chance.integers(0, 256, (height, width, channels), np.uint8)
    answer = model(picture[np.newaxis].astype(np.float32), training=False).numpy()[0]
    document = {"picture": picture.ravel().tolist(), "shape": picture.shape, "answer": answer.tolist()}
    (FOLDER / f"{name}.json").write_text(json.dumps(document) + "\n", encoding="utf-8")


def main() -> None:
    """All of them; the same each time."""
    keras.utils.set_random_seed(0)
    write("tf2onnx_lenet", lenet("softmax"), lambda model, path: by_tf2onnx(model, path, 13))
    write("tf2onnx_fixed_batch", lenet(None), lambda model, path: by_tf2onnx(model, path, 9, batch=1))
    write("tf2onnx_mobile", mobile(5, None), lambda model, path: by_tf2onnx(model, path, 17))
    write("keras_mobile", mobile(1, "sigmoid"), by_keras)
    write("keras_lenet", lenet("softmax"), by_keras)


if __name__ == "__main__":
    main()
