"""For pytest: ``pytest_plugins = ["orchestra.testing.plugin"]`` in the topmost conftest.py.

From then on no test asks a real model unless it is marked ``@pytest.mark.real_models``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestra.testing.clock import FakeClock
from orchestra.testing.guard import no_real_models


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_models: may ask real models, for money")


@pytest.fixture(autouse=True)
def real_models_asked(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The real models that the test asked: none, or it fails; one that does so on purpose clears the list."""
    if request.node.get_closest_marker("real_models") is not None:
        yield []
        return
    with no_real_models() as asked:
        yield asked


@pytest.fixture
def fake_clock() -> FakeClock:
    """Time that stands still until it is told."""
    return FakeClock()
