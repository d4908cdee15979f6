"""Turns a base64 picture into an answer with MLServer: a runtime of one's own, its adaptive batching.

`python server_mlserver.py --write FOLDER PORT` writes what `mlserver start FOLDER` reads; POST /v2/models/cnn/infer,
Open Inference Protocol, one BYTES tensor. PEER_WORKERS: parallel_workers (0: in the server's own process).
"""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    import classifier

    folder, port = Path(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": port + 1,
        "metrics_port": port + 2,
        "parallel_workers": int(os.environ.get("PEER_WORKERS", "1")),
        "debug": False,
        "metrics_dir": str(folder),
    }
    model = {
        "name": "cnn",
        "implementation": "server_mlserver.Classifier",
        "max_batch_size": classifier.BATCH,
        "max_batch_time": classifier.WAIT_MS / 1000,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    sys.exit()

import classifier
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Classifier(MLModel):
    async def load(self) -> bool:
        self.session = classifier.load_session()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        values = payload.inputs[0].data.root
        bodies = [base64.b64decode(value) for value in (values if isinstance(values, list) else [values])]
        answers = await asyncio.to_thread(classifier.classify, self.session, bodies)
        output = ResponseOutput(
            name="top5", datatype="BYTES", shape=[len(answers), 1], data=[json.dumps(answer) for answer in answers]
        )
        return InferenceResponse(model_name=self.name, outputs=[output])
