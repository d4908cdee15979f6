"""The model server: FastAPI and onnxruntime, no PyTorch."""

import os

# onnxruntime's packages report usage to their maker unless told not to, and decide it once, when they are first
# imported. A server that is run behind closed doors calls nobody; whoever wants to report sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
