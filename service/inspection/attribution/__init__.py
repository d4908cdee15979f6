"""Shows which pixels decided: maps of a network's input for one class, from the ONNX file alone."""
