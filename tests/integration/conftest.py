"""A PostgreSQL server for the tests that ask for one, started once."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.support.postgres import refusal, schema, server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server of the tests' own."""
    reason = refusal()
    if reason is not None:
        pytest.skip(reason)
    with server() as address:
        yield address


@pytest.fixture
def postgres(postgres_server: str) -> Callable[[], str]:
    """Makes addresses of empty schemas."""
    return lambda: schema(postgres_server, f"test_{next(_numbers)}")
