"""Turns a foreign ONNX file into a published version, without the code that made it; begin with `importer.py`."""
