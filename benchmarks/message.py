"""Turns a picture into the request that a contestant takes: raw, a form, or Open Inference Protocol."""

import base64
import json
import re
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

_BOUNDARY = "----boundary7d1a"


@dataclass(frozen=True)
class Message:
    """A POST."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, address: str, timeout: float = 20) -> bytes:
        """Send it once.

        Raises:
            OSError: nobody is there, or the answer's status is over 399.
        """
        request = urllib.request.Request(address + self.path, self.body, self.headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            content: bytes = answer.read()
        return content


def compose(kind: str, path: str, picture: Path) -> Message:
    """The request that holds the picture.

    Args:
        kind: raw, form:FIELD, oip or oip-binary.
        path: where it is posted.
        picture: the file.
    """
    content = picture.read_bytes()
    mime = "image/png" if picture.suffix == ".png" else "image/jpeg"
    match kind.split(":"):
        case ["form", name]:
            head = (
                f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\nContent-Type: {mime}'
            )
            body = head.encode() + b"\r\n\r\n" + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
            return Message(path, body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"})
        case ["oip"]:
            tensor = {"name": "image", "shape": [1, 1], "datatype": "BYTES"}
            values = {"data": [base64.b64encode(content).decode()]}
            return Message(
                path, json.dumps({"inputs": [tensor | values]}).encode(), {"Content-Type": "application/json"}
            )
        case ["oip-binary"]:
            return _compose_binary(path, content)
    return Message(path, content, {"Content-Type": mime})


def find_label(answer: bytes) -> str | None:
    """The first label of an answer, whatever is around it."""
    found = re.search(rb"class_\d+", answer)
    return found.group().decode() if found else None


def _compose_binary(path: str, content: bytes) -> Message:
    tensor = {"name": "image", "shape": [1, 1], "datatype": "BYTES"}
    size = {"parameters": {"binary_data_size": len(content) + 4}}
    head = json.dumps({"inputs": [tensor | size], "outputs": [{"name": "top5"}]}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return Message(path, head + len(content).to_bytes(4, "little") + content, headers)
