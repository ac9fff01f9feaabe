"""What a team is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orchestra.core.catalog import Catalog
from orchestra.core.clock import Clock
from orchestra.graph.weights import Weights
from orchestra.models.pricing import Unknown
from orchestra.routing.rewards import Rewards


class Settings(Protocol):
    """What the team reads of an Orchestra."""

    catalog: Catalog
    router: Any
    embedder: Any
    model: str | None
    models: Mapping[str, Any]
    base_urls: Mapping[str, str]
    prices: Mapping[str, Any]
    unknown_price: Unknown
    state: Any
    journal: bool
    content: bool
    escalate: str | None
    escalate_to_person: bool
    fallbacks: Mapping[str, Sequence[str]]
    weights: Weights
    monitors: Sequence[Any]
    outranks: float
    providers: Mapping[str, str]
    probes: Mapping[str, Any]
    workflows: Sequence[Any]
    goals: Sequence[Any]
    sinks: Sequence[Any]
    native_tasks: bool
    learn: bool
    evaluators: Sequence[Any]
    rewards: Rewards
    clock: Clock
