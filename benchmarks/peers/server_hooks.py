"""Turns a picture into everything that LeNet-5 computes, by PyTorch's forward hooks behind a plain FastAPI route.

uvicorn server_hooks:app; POST /activations, the picture as the body; answers safetensors. The weights are those of
lenet.onnx: the same seed.
"""

import classifier
import torch
from fastapi import FastAPI, Request, Response
from onnx_models import make_lenet
from safetensors.torch import save

torch.set_num_threads(classifier.INTRA)
app = FastAPI()
network = make_lenet().eval()
activations = {}


def watch(name):
    def keep(_module, _inputs, output):
        activations[name] = output[0].contiguous()

    return keep


for name, module in network.named_modules():
    if not list(module.children()):
        module.register_forward_hook(watch(name))


@app.post("/activations")
async def show_activations(request: Request):
    pixels = torch.from_numpy(classifier.decode(await request.body()))
    with torch.inference_mode():
        network(pixels[None])
    return Response(save(activations), media_type="application/vnd.safetensors")
