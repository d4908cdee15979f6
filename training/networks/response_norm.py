"""Turns each value into itself divided by the strength of its neighbours, the same place in nearby channels.

Source: A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NIPS 2012, section 3.3, with its constants.
"""

import torch
from torch import Tensor, nn

_SIZE, _ALPHA, _BETA, _K = 5, 1e-4, 0.75, 2.0


class ResponseNorm(nn.LocalResponseNorm):
    """b = a / (k + alpha · sum of squares of five channels) ^ beta, which ONNX has as one operator, `LRN`."""

    def __init__(self) -> None:
        super().__init__(_SIZE, alpha=_ALPHA * _SIZE, beta=_BETA, k=_K)  # PyTorch and ONNX take the mean, not the sum

    def forward(self, values: Tensor) -> Tensor:
        """(n, c, h, w) -> the same shape."""
        if not torch.onnx.is_in_onnx_export():
            return super().forward(values)
        # Left to itself, the exporter writes out PyTorch's arithmetic: nine nodes in place of one.
        return torch.onnx.ops.symbolic(
            "LRN",
            (values,),
            {"size": self.size, "alpha": self.alpha, "beta": self.beta, "bias": float(self.k)},
            dtype=values.dtype,
            shape=values.shape,
        )
