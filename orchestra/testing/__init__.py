"""For tests of what is built with this package: models by script, a guard, recordings, and laws for new parts."""

from __future__ import annotations

from orchestra.models.scripted import Echo, Failing, Scripted, Slow
from orchestra.testing.clock import FakeClock
from orchestra.testing.errors import LawBroken, NotRecorded, RealModelCalled, RecordedFailure
from orchestra.testing.function import FunctionModel
from orchestra.testing.guard import no_real_models
from orchestra.testing.models import model_laws
from orchestra.testing.plans import plan_laws
from orchestra.testing.record import Recorder
from orchestra.testing.replay import Replayer
from orchestra.testing.routers import router_laws
from orchestra.testing.stores import store_laws

__all__ = [
    "Echo",
    "Failing",
    "FakeClock",
    "FunctionModel",
    "LawBroken",
    "NotRecorded",
    "RealModelCalled",
    "RecordedFailure",
    "Recorder",
    "Replayer",
    "Scripted",
    "Slow",
    "model_laws",
    "no_real_models",
    "plan_laws",
    "router_laws",
    "store_laws",
]
