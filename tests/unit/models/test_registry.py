import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from orchestra.core import errors
from orchestra.models import local
from orchestra.models.openai import OpenAIModel
from orchestra.models.registry import PROVIDERS, Registry
from orchestra.models.scripted import Echo
from orchestra.ports.model import Models


@pytest.mark.parametrize("name", ["gpt-5", "openai:", ":gpt-5", ""])
def test_bad_form(name: str) -> None:
    for ask in (Registry(env={}).get, Registry(env={}).check):
        with pytest.raises(errors.UnknownModel, match="provider:model"):
            ask(name)


def test_unknown_provider_lists_the_known_ones() -> None:
    registry = Registry({"my:llama": Echo()}, base_urls={"lab": "http://127.0.0.1:1/v1"}, env={})
    for ask in (registry.get, registry.check):
        with pytest.raises(errors.UnknownProvider, match="anthropic, lab, local, my, openai"):
            ask("nope:x")


def test_missing_key_says_which() -> None:
    for ask in (Registry(env={}).get, Registry(env={}).check):
        with pytest.raises(errors.MissingKey, match="OPENAI_API_KEY"):
            ask("openai:gpt-5")


def test_openai_by_environment() -> None:
    model = Registry(env={"OPENAI_API_KEY": " key\n"}).get("openai:gpt-5")
    assert isinstance(model, OpenAIModel) and model.hosted and model.api_key == "key"
    other = Registry(env={"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}).get("openai:llama")
    assert isinstance(other, OpenAIModel) and not other.hosted and other.base_url == "http://127.0.0.1:8080/v1"


@pytest.mark.parametrize(
    ("name", "library"), [("anthropic:claude", "anthropic"), ("lab:llama", "openai"), ("local:smollm2", "openai")]
)
def test_loading_imports_the_library_and_builds_nothing(name: str, library: str) -> None:
    code = (
        "import sys; from orchestra.models.registry import Registry; "
        "r = Registry(base_urls={'lab': 'http://127.0.0.1:1/v1'}, env={}); assert 'httpcore2' not in sys.modules; "
        f"r.load({name!r}); assert 'httpcore2' in sys.modules and not r._built; "
        "print(*{'openai', 'anthropic'} & sys.modules.keys())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == [library]


def test_loading_asks_a_client_that_was_given() -> None:
    asked: list[str] = []
    client = OpenAIModel("m", base_url="http://[::1]:8080/v1")
    client.load = lambda: asked.append("m")  # type: ignore[method-assign]
    registry = Registry({"lab:m": client, "lab:echo": Echo()}, env={})
    registry.load("lab:m")
    registry.load("lab:echo")
    assert asked == ["m"] and client.server == "::1:8080"
    assert OpenAIModel("m").server == "api.openai.com:443"


def test_a_server_of_ones_own_by_its_address() -> None:
    registry = Registry(base_urls={"my-lab": "http://127.0.0.1:8080/v1"}, env={"MY_LAB_API_KEY": "k"})
    registry.check("my-lab:llama")
    model = registry.get("my-lab:llama")
    assert isinstance(model, OpenAIModel)
    assert (model.name, model.model, model.api_key) == ("my-lab:llama", "llama", "k")
    with pytest.raises(errors.BadDefinition):
        Registry(base_urls={"lab": "127.0.0.1:8080"})


def test_overrides_win_and_clients_are_built_once() -> None:
    echo = Echo()
    registry: Models = Registry({"openai:gpt-5": echo}, env={"OPENAI_API_KEY": "k"})
    assert registry.get("openai:gpt-5") is echo
    assert registry.get("openai:gpt-5-mini") is registry.get("openai:gpt-5-mini")
    with pytest.raises(errors.BadDefinition):
        Registry({"gpt-5": echo})


def test_local_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.UnknownModel, match="local:smollm2"):
        Registry(env={}).check("local:other")
    gone = {"ORCHESTRA_LOCAL_MODEL": str(tmp_path / "gone.gguf")}
    for ask in (Registry(env=gone).get, Registry(env=gone).check):
        with pytest.raises(errors.LocalModelMissing, match="pip install"):
            ask("local:smollm2")
    weights = tmp_path / "w.gguf"
    weights.write_bytes(b"")
    monkeypatch.setattr(local, "find_spec", lambda _: None)
    with pytest.raises(errors.LocalModelMissing, match="xllamacpp"):
        Registry(env={"ORCHESTRA_LOCAL_MODEL": str(weights)}).check("local:smollm2")


class Closing(Echo):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


def test_closing_spares_what_was_passed_in() -> None:
    mine = Closing()
    registry = Registry({"my:echo": mine}, env={"OPENAI_API_KEY": "k"})
    registry.get("my:echo")
    built = registry.get("openai:gpt-5")
    anyio.run(registry.aclose)
    assert mine.closed == 0 and registry.get("openai:gpt-5") is not built


def test_every_provider_resolves_without_a_vendor_library() -> None:
    code = f"import sys, importlib; [importlib.import_module(m).check for m in {list(PROVIDERS.values())}]; "
    code += (
        "import orchestra.models.registry, orchestra.models.pricing, orchestra.models.cache, orchestra.models.scripted;"
    )
    code += (
        "sys.exit(bool({'openai', 'anthropic', 'xllamacpp', 'genai_prices', 'anyio', 'httpx2'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
