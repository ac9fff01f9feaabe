"""What the README's reader has beside the program: a shop, another agent, and models; here the models are scripted."""

from functools import partial

import pytest

import orchestra
from orchestra import agent
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted

patch: pytest.MonkeyPatch = globals()["monkeypatch"]

LOOK_UP = ToolCall(id="1", name="find_order", arguments={"order_id": "A-17"})
FACTS = "Order A-17 was delivered."
SUMMARY = "Order A-17 was delivered; its 49.00 EUR were refunded."
MODELS = {
    "openai:gpt-5-mini": Scripted(LOOK_UP, FACTS, name="openai:gpt-5-mini"),
    "openai:gpt-5": Scripted(name="openai:gpt-5"),
    "openai:gpt-5-nano": Scripted(SUMMARY, name="openai:gpt-5-nano"),
}
patch.setattr(orchestra, "Orchestra", partial(orchestra.Orchestra, model="openai:gpt-5-nano", models=MODELS))


@agent
def another(text: str) -> str:
    """Repeats what it is told."""
    return text
