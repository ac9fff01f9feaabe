"""The models of the quickstart: scripted ones under the names that a reader would use."""

from collections.abc import Mapping
from typing import Any

import pytest

import orchestra
from orchestra import Orchestra as Real
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Echo, Scripted
from orchestra.ports.model import Model

patch: pytest.MonkeyPatch = globals()["monkeypatch"]


def quote(product: str, cents: int) -> tuple[ToolCall, str]:
    look_up = ToolCall(id=product, name="price", arguments={"product": product})
    return look_up, f'{{"product": "{product}", "cents": {cents}}}'


MODELS: dict[str, Model] = {
    "local:smollm2": Echo(name="local:smollm2"),
    "lab:llama": Echo(name="lab:llama"),
    "openai:gpt-5-mini": Scripted(*quote("lamp", 4900), *quote("desk", 12900), name="openai:gpt-5-mini"),
}


def replaced(models: Mapping[str, Model] | None = None, **options: Any) -> Real:
    """These models under their names, except where the page gives its own."""
    return Real(models={**MODELS, **(models or {})}, **options)


patch.setattr(orchestra, "Orchestra", replaced)
