"""Shows what goes on inside a served network, from its ONNX file alone."""
