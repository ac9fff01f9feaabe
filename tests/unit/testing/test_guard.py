"""No real model is asked by accident, and the plugin says so."""

import os
import subprocess
import sys
from pathlib import Path

import anyio
import httpx2
import pytest

from orchestra import Agent, Orchestra
from orchestra.core.message import user
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.local import LocalModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Delta, Model, Request, streamed
from orchestra.testing import Echo, LawBroken, NotRecorded, RealModelCalled, RecordedFailure, no_real_models
from tests.shape.imports import loaded_modules
from tests.shape.surface import pickle_faults

ASK = Request(messages=(user("hello"),))
REAL: list[Model] = [OpenAIModel("m", base_url="http://127.0.0.1:9/v1"), AnthropicModel("m")]


@pytest.mark.parametrize("model", REAL, ids=lambda model: model.name)
@pytest.mark.parametrize("pieces", [False, True])
def test_a_real_client_is_stopped(model: Model, pieces: bool) -> None:
    async def ask() -> None:
        await (streamed(model, ASK, lambda _: None) if pieces else model.request(ASK))

    with no_real_models() as asked:
        with pytest.raises(RealModelCalled, match=model.name):
            anyio.run(ask)
        assert asked == [model.name]
        asked.clear()


def test_the_embedded_model_is_stopped_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.models.local.require", lambda path: None)
    model = LocalModel(tmp_path / "none.gguf")
    with no_real_models() as asked:
        for ask in (model.request, lambda request: model.stream(request, lambda _: None)):
            with pytest.raises(RealModelCalled, match="local:"):
                anyio.run(ask, ASK)
        asked.clear()


def test_a_swallowed_call_is_seen_at_the_end() -> None:
    agent = Agent("helper", "Helps.", model="openai:m", instructions="Help.")
    with pytest.raises(RealModelCalled, match="openai:m"), no_real_models():
        team = Orchestra(agents=[agent], models={"openai:m": REAL[0]}, prices={"openai:m": (1, 1)})
        assert team.run_sync("hello", to="helper").status == "failed"
        team.close()


def test_scripts_and_transports_of_ones_own_are_let_through() -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})

    async def ask() -> list[str]:
        models: list[Model] = [Echo(), OpenAIModel("m", transport=httpx2.MockTransport(answer))]
        return [(await model.request(ASK)).text for model in models]

    with no_real_models():
        assert anyio.run(ask) == ["hello", "hi"]


def test_the_doors_are_open_again_afterwards() -> None:
    before = [vars(cls)[name] for cls in (LocalModel,) for name in ("request", "stream")]
    with no_real_models(), no_real_models():
        pass
    with pytest.raises(ZeroDivisionError), no_real_models():
        print(1 / 0)
    assert [vars(LocalModel)[name] for name in ("request", "stream")] == before
    assert Delta() == ("", 0)


CONFTEST = 'pytest_plugins = ["orchestra.testing.plugin"]'
TESTS = """
import asyncio, pytest
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Request
from orchestra.testing import FakeClock, RealModelCalled

def ask():
    try:
        asyncio.run(OpenAIModel("m", base_url="http://127.0.0.1:1/v1").request(Request(messages=())))
    except RealModelCalled:
        return "stopped"
    except Exception as error:
        return type(error).__name__

def test_careless():
    assert ask() == "stopped"

def test_on_purpose(real_models_asked):
    assert ask() == "stopped"
    assert real_models_asked == ["openai:m"]
    real_models_asked.clear()

@pytest.mark.real_models
def test_allowed():
    assert ask() == "ModelUnreachable"

def test_clock(fake_clock):
    assert fake_clock.now() == 0.0
"""


def test_the_plugin_guards_every_test_but_the_marked(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", "-rA", str(tmp_path)]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    process = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert "4 passed, 1 error" in process.stdout, process.stdout
    assert "ERROR test_it.py::test_careless - orchestra.testing.errors.RealModelCalled" in process.stdout


def test_the_kit_is_light_and_not_loaded_by_the_package() -> None:
    assert not [name for name in loaded_modules("orchestra") if name.startswith("orchestra.testing")]
    loaded = loaded_modules("orchestra.testing")
    assert not loaded & {"pytest", "hypothesis", "numpy", "openai", "anthropic", "sqlite3", "httpx2"}


@pytest.mark.parametrize("error", [RealModelCalled, NotRecorded, RecordedFailure])
def test_errors_pickle(error: type[Exception]) -> None:
    assert pickle_faults(error) == []


def test_a_broken_law_pickles() -> None:
    import pickle

    back = pickle.loads(pickle.dumps(LawBroken("it broke", ("one", "two"))))
    assert (str(back), back.laws) == ("it broke", ("one", "two"))
