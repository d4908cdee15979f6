"""Turns the graph of a network into the graph of its gradient, which onnxruntime runs like any other."""

from service.inspection.gradients.model import float_picture, gradient_model

__all__ = ["float_picture", "gradient_model"]
