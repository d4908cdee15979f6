"""Turns a batch into probabilities through memory that stays on the device, so that a run sets none aside."""

import threading

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.contract import PIXELS, PROBABILITIES


class Buffers:
    """The pixels and the probabilities of batches of one size; safe to call from several threads, one at a time."""

    def __init__(self, session: ort.InferenceSession, shape: tuple[int, ...], labels: int, device: str) -> None:
        """Set the memory aside.

        Args:
            session: of a serving graph, on that device.
            shape: of the pixels, (n, h, w, c).
            labels: outputs of the graph.
            device: onnxruntime's name of it: `cuda`, or `cpu`.
        """
        self._session = session
        self._pixels = ort.OrtValue.ortvalue_from_shape_and_type(list(shape), np.uint8, device, 0)
        self._probabilities = ort.OrtValue.ortvalue_from_shape_and_type([shape[0], labels], np.float32, device, 0)
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(PIXELS, self._pixels)
        self._binding.bind_ortvalue_output(PROBABILITIES, self._probabilities)
        self._lock = threading.Lock()

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify a batch; what comes back is a copy.

        Args:
            pixels: of the shape that the memory was set aside for.
        """
        with self._lock:
            self._pixels.update_inplace(np.ascontiguousarray(pixels))
            self._session.run_with_iobinding(self._binding)
            probabilities: NDArray[np.float32] = self._probabilities.numpy().copy()
        return probabilities
