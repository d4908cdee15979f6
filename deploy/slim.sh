#!/bin/sh
# Takes out of the environment of an image what the service never opens: tests, tools for making models, a second copy of
# onnxruntime for programs in C, and what debuggers would want to know of two libraries.
set -eu
cd /opt/convscope/lib/python3.11/site-packages
rm -rf onnx/backend/test onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnxruntime/capi/libonnxruntime.so.*
find numpy -name tests -prune -exec rm -r {} +
find uvloop httptools -name '*.so' -exec strip --strip-debug {} +
