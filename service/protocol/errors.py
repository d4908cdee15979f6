"""Turns every way that a request of the protocol can be refused into a branch of the tree; see `service.errors`.

RequestError
├── MalformedRequest            400  malformed_request
├── InvalidTensor               400  invalid_tensor
├── UnknownOutput               400  unknown_output
└── TooManyPictures             413  too_many_pictures
"""

from service.errors import RequestError


class MalformedRequest(RequestError):
    """The request can't be read: no JSON, a part is missing or of another kind, sizes that don't add up."""

    code = "malformed_request"
    title = "Malformed request"


class InvalidTensor(RequestError):
    """An input tensor isn't what the model takes: its name, its datatype, its shape or its values."""

    code = "invalid_tensor"
    title = "Invalid tensor"


class UnknownOutput(RequestError):
    """An output was asked for that the model doesn't have."""

    code = "unknown_output"
    title = "Unknown output"


class TooManyPictures(RequestError):
    """One request brings more pictures than the service takes at once."""

    status = 413
    code = "too_many_pictures"
    title = "Too many pictures in one request"
