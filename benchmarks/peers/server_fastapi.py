"""Turns an uploaded picture into an answer with plain FastAPI: one `session.run` a request, in its pool of threads.

uvicorn server_fastapi:app --workers N; POST /predict, a form with the field "file", as FastAPI's own guide uploads.
"""

from typing import Annotated

import classifier
from fastapi import FastAPI, File, UploadFile

app = FastAPI()
session = classifier.load_session()


@app.post("/predict")
def predict(file: Annotated[UploadFile, File()]):
    return classifier.classify(session, [file.file.read()])[0]
