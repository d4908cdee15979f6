"""Turns a picture into an answer with TorchServe: a handler of one's own with onnxruntime inside.

`python server_torchserve.py --write FOLDER PORT` writes the archive and the settings that `torchserve --start` reads
there; POST /predictions/cnn, the picture as the body. PEER_WORKERS: workers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def write(folder, port):
    import classifier

    here, workers = Path(__file__).resolve().parent, int(os.environ.get("PEER_WORKERS", "1"))
    (folder / "store").mkdir(parents=True, exist_ok=True)
    archiver = [str(Path(sys.executable).parent / "torch-model-archiver"), "--model-name", "cnn", "--version", "1.0"]
    files = ["--handler", str(here / "server_torchserve.py"), "--extra-files", str(here / "classifier.py")]
    subprocess.run([*archiver, *files, "--export-path", str(folder / "store"), "--force"], check=True)
    version = {
        "defaultVersion": True,
        "marName": "cnn.mar",
        "minWorkers": workers,
        "maxWorkers": workers,
        "batchSize": classifier.BATCH,
        "maxBatchDelay": int(classifier.WAIT_MS),
        "responseTimeout": 60,
    }
    settings = {
        "inference_address": f"http://127.0.0.1:{port}",
        "management_address": f"http://127.0.0.1:{port + 1}",
        "metrics_address": f"http://127.0.0.1:{port + 2}",
        "grpc_inference_port": port + 3,
        "grpc_management_port": port + 4,
        "netty_daemon": "true",
        "job_queue_size": 1000,
        "model_store": "store",
        "default_workers_per_model": workers,
        "enable_envvars_config": "false",
        "metrics_mode": "log",
        "models": json.dumps({"cnn": {"1.0": version}}),
    }
    (folder / "config.properties").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


class Handler:
    session = None

    def handle(self, rows, context):
        if self.session is None:
            sys.path.insert(0, context.system_properties.get("model_dir"))
            import classifier

            self.classify, self.session = classifier.classify, classifier.load_session()
        if rows is None:
            return None
        return self.classify(self.session, [bytes(row.get("body") or row.get("data")) for row in rows])


_handler = Handler()


def handle(rows, context):
    return _handler.handle(rows, context)


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[3]))
