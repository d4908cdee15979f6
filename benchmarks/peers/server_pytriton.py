"""Turns a picture in a BYTES tensor into an answer with Triton, by way of PyTriton: `python server_pytriton.py PORT`.

POST /v2/models/cnn/infer, Open Inference Protocol with binary tensors. PEER_WORKERS: instances of the model.
"""

import json
import os
import sys

import classifier
import numpy as np
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig


class Instance:
    def __init__(self):
        self.session = None

    def __call__(self, requests):
        if self.session is None:  # made where it runs: in a process of its own
            self.session = classifier.load_session()
        answers = classifier.classify(self.session, [body for request in requests for body in request["image"][:, 0]])
        return [{"top5": np.array([[json.dumps(answer).encode()]], dtype=object)} for answer in answers]


if __name__ == "__main__":
    port = int(sys.argv[1])
    addresses = TritonConfig(
        http_address="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        metrics_port=port + 2,
        log_verbose=0,
        allow_metrics=False,
    )
    with Triton(config=addresses) as triton:
        triton.bind(
            model_name="cnn",
            infer_func=[Instance() for _ in range(int(os.environ.get("PEER_WORKERS", "1")))],
            inputs=[Tensor(name="image", dtype=bytes, shape=(1,))],
            outputs=[Tensor(name="top5", dtype=bytes, shape=(1,))],
            config=ModelConfig(
                max_batch_size=classifier.BATCH,
                batcher=DynamicBatcher(max_queue_delay_microseconds=int(classifier.WAIT_MS * 1000)),
            ),
            strict=False,
        )
        triton.serve()
