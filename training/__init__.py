"""The pipeline from labelled pictures to a published version: PyTorch in, a proven ONNX model out."""
