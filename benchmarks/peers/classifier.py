"""Turns an encoded picture into a network's input, and its scores into the five most probable labels: for every peer.

Environment:
    PEER_DATA     folder of lenet.onnx, resnet18.onnx
    PEER_MODEL    lenet | resnet18                         (default lenet)
    PEER_INTRA    onnxruntime's intra_op_num_threads       (default 1)
    PEER_BATCH    largest dynamic batch                    (default 16)
    PEER_WAIT_MS  longest wait for a batch, milliseconds   (default 2)
"""

import io
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

DATA = Path(os.environ.get("PEER_DATA", "data"))
MODEL = os.environ.get("PEER_MODEL", "lenet")
INTRA = int(os.environ.get("PEER_INTRA", "1"))
BATCH = int(os.environ.get("PEER_BATCH", "16"))
WAIT_MS = float(os.environ.get("PEER_WAIT_MS", "2"))

MODE, SIDE, MEAN, STD, CLASSES = {
    "lenet": ("L", 28, [0.1307], [0.3081], 10),
    "resnet18": ("RGB", 224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 1000),
}[MODEL]
LABELS = [f"class_{index}" for index in range(CLASSES)]

_MEAN = np.asarray(MEAN, np.float32).reshape(-1, 1, 1)
_STD = np.asarray(STD, np.float32).reshape(-1, 1, 1)
_SCALE = 1 / (255 * _STD)
_SHIFT = -_MEAN / _STD


def load_session():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = INTRA
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(DATA / f"{MODEL}.onnx"), options, providers=["CPUExecutionProvider"])


def fit(picture):
    """A Pillow picture -> (c, h, w) float32, normalised."""
    if picture.mode != MODE:
        picture = picture.convert(MODE)
    if picture.size != (SIDE, SIDE):
        picture = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, dtype=np.uint8)
    pixels = pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return pixels * _SCALE + _SHIFT


def decode(body):
    """An encoded picture -> (c, h, w) float32, normalised."""
    return fit(Image.open(io.BytesIO(body)))


def rank(logits):
    """(K,) float32 -> the five most probable, as every peer answers them."""
    exponentials = np.exp(logits - logits.max())
    probabilities = exponentials / exponentials.sum()
    best = np.argpartition(probabilities, -5)[-5:]
    best = best[np.argsort(-probabilities[best])]
    return {
        "model": MODEL,
        "predictions": [
            {"label": LABELS[index], "index": int(index), "probability": float(probabilities[index])} for index in best
        ],
    }


def classify(session, bodies):
    """Encoded pictures -> one answer each, in one run."""
    return [rank(logits) for logits in session.run(None, {"input": np.stack([decode(body) for body in bodies])})[0]]
