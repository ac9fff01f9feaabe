"""What the README's reader has beside the program: a shop, another agent, and models; here the models are scripted."""

from functools import partial

import pytest

import orchestra
from examples import close_ticket

patch: pytest.MonkeyPatch = globals()["monkeypatch"]

another = close_ticket.another
models = close_ticket.scripted()
patch.setattr(orchestra, "Orchestra", partial(orchestra.Orchestra, model="openai:gpt-5-nano", models=models))
