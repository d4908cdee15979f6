"""The model server: FastAPI and onnxruntime, no PyTorch."""
