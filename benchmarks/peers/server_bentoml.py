"""Turns an uploaded picture into an answer with BentoML, whose dispatcher makes the batches.

bentoml serve server_bentoml:Classifier --port PORT; POST /predict, a form with the field "images".
PEER_WORKERS: processes.
"""

from __future__ import annotations

import os
import typing

import bentoml
import classifier
import numpy as np
from PIL.Image import Image


@bentoml.service(
    workers=int(os.environ.get("PEER_WORKERS", "1")),
    logging={"access": {"enabled": False}},
    traffic={"timeout": 60, "concurrency": None},
)
class Classifier:
    def __init__(self):
        self.session = classifier.load_session()

    @bentoml.api(batchable=True, max_batch_size=classifier.BATCH, max_latency_ms=10_000)
    def predict(self, images: typing.List[Image]) -> typing.List[typing.Dict[str, typing.Any]]:
        pixels = np.stack([classifier.fit(image) for image in images])
        return [classifier.rank(logits) for logits in self.session.run(None, {"input": pixels})[0]]
