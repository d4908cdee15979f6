"""Gives the protocol's tests Triton's own client, and what `/v1` says."""

from collections.abc import Iterator

import httpx
import pytest
from tritonclient.http import InferenceServerClient

from service.published import PublishedVersion
from tests.service.protocol.asked import Asked


@pytest.fixture(scope="session")
def triton(address: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(address.removeprefix("http://")) as client:
        yield client


@pytest.fixture(scope="session")
def asked(client: httpx.Client, lenet: PublishedVersion) -> Asked:
    """LeNet-5's samples."""
    return Asked(client, lenet)
