"""Turns a picture into an answer with Ray Serve: `python server_ray.py PORT`.

POST /, the picture as the body. PEER_WORKERS: replicas.
"""

import asyncio
import os
import signal
import sys

import classifier
import numpy as np
import ray
from ray import serve
from starlette.requests import Request

WORKERS = int(os.environ.get("PEER_WORKERS", "1"))
QUIET = {"enable_access_log": False, "log_level": "WARNING"}


@serve.deployment(num_replicas=WORKERS, max_ongoing_requests=200, ray_actor_options={"num_cpus": 0.5})
class Classifier:
    def __init__(self):
        self.session = classifier.load_session()

    def run(self, pixels):
        return [classifier.rank(logits) for logits in self.session.run(None, {"input": np.stack(pixels)})[0]]

    @serve.batch(max_batch_size=classifier.BATCH, batch_wait_timeout_s=classifier.WAIT_MS / 1000)
    async def infer(self, pixels):
        return await asyncio.to_thread(self.run, pixels)

    async def __call__(self, request: Request):
        return await self.infer(classifier.decode(await request.body()))


if __name__ == "__main__":
    environment = {name: value for name, value in os.environ.items() if name.startswith(("PEER_", "PYTHONPATH"))}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        object_store_memory=200 * 2**20,
        runtime_env={"env_vars": environment},
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config=QUIET)
    serve.run(Classifier.bind(), route_prefix="/", logging_config=QUIET)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
