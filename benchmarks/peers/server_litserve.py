"""Turns an uploaded picture into an answer with LitServe: `python server_litserve.py PORT`.

POST /predict, a form with the field "file". PEER_WORKERS: inference workers; PEER_FASTQ=1: its ZeroMQ queue.
"""

import os
import sys

import classifier
import litserve
from fastapi import Request


class Classifier(litserve.LitAPI):
    def setup(self, device):
        self.session = classifier.load_session()

    def decode_request(self, request: Request):
        return classifier.decode(request["file"].file.read())

    def predict(self, pixels):
        return self.session.run(None, {"input": pixels[None]})[0][0]

    def encode_response(self, output):
        return classifier.rank(output)


if __name__ == "__main__":
    server = litserve.LitServer(
        Classifier(),
        accelerator="cpu",
        workers_per_device=int(os.environ.get("PEER_WORKERS", "1")),
        fast_queue=os.environ.get("PEER_FASTQ") == "1",
        timeout=60,
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
