"""Turns the application into the description of its API, for those who write clients: `convscope openapi`."""

import json

from service.app import create_app
from service.settings import Settings


def openapi_command() -> None:
    """Print the API's OpenAPI schema, which the page's types are made from."""
    print(json.dumps(create_app(Settings()).openapi(), indent=2))  # noqa: T201 - the output is the product
