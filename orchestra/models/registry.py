"""Names to clients: 'provider:model'."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from orchestra.core.errors import BadDefinition, UnknownModel, UnknownProvider
from orchestra.models.access import access
from orchestra.ports.model import Model

PROVIDERS = {
    "anthropic": "orchestra.models.anthropic",
    "local": "orchestra.models.local",
    "openai": "orchestra.models.openai",
}
"""Provider -> the module whose ``check(model, env)`` and ``create(model, env)`` answer for it."""
PROVIDER_TO_LIBRARY = {"anthropic": "anthropic"}
"""Which library a provider's client is made with; all others are made with OpenAI's."""


class Registry:
    """Builds each client once, when it is first asked for.

    ``overrides`` are clients by their full name and win over everything. ``base_urls`` makes further providers out of
    OpenAI-compatible servers: with {"lab": "http://127.0.0.1:8080/v1"} the name 'lab:llama' is the model llama there,
    its key taken from LAB_API_KEY if that is set. ``embedders`` are the names that are asked for vectors instead of
    words, each with its dimensions if they are declared. ``env`` defaults to the process's environment.
    Raises: BadDefinition for a name without a colon or an address that is none.
    """

    def __init__(
        self,
        overrides: Mapping[str, Model] | None = None,
        *,
        base_urls: Mapping[str, str] | None = None,
        embedders: Mapping[str, int | None] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._overrides = dict(overrides or {})
        self._embedders = dict(embedders or {})
        self._base_urls = dict(base_urls or {})
        self._env = os.environ if env is None else env
        self._built: dict[str, Model] = {}
        for name in self._overrides:
            if not all(name.partition(":")):
                raise BadDefinition(f"The model name {name!r} is not of the form 'provider:model'.")
        for word, url in self._base_urls.items():
            if not url.startswith(("http://", "https://")):
                raise BadDefinition(f"The address {url!r} of provider {word!r} is no http address.")

    def check(self, name: str, /) -> None:
        """Raises what ``get`` would raise; builds, starts and connects nothing."""
        provider, model = self._split(name)
        if name in self._embedders and provider not in ("openai", *self._base_urls) and name not in self._overrides:
            raise UnknownProvider(
                f"The provider {provider!r} embeds no texts here.", remedy="Use openai, or a server named in base_urls."
            )
        if name not in self._overrides and provider not in self._base_urls:
            self._module(provider).check(model, self._env)

    def get(self, name: str, /) -> Model:
        """The client. Raises UnknownModel, UnknownProvider, MissingKey, LocalModelMissing."""
        provider, model = self._split(name)
        found = self._overrides.get(name) or self._built.get(name)
        if found is None:
            found = self._built[name] = self._build(name, provider, model)
        return found

    def needs_library(self, name: str, /) -> bool:
        """Whether ``load`` has something to do; nothing for a client that was given and says nothing of a library."""
        client = self._overrides.get(name)
        return client is None or hasattr(client, "load")

    def load(self, name: str, /) -> None:
        """Imports the library of the model's client, which takes a second where nobody has yet; builds and connects
        nothing. Blocks. One that is not installed is told of by the first request.
        """
        provider, _ = self._split(name)
        client = self._overrides.get(name)
        if client is not None:
            load_its: Callable[[], None] = getattr(client, "load", _nothing)
            load_its()
        else:
            from orchestra.models.endpoint import load

            with suppress(ImportError):
                load(PROVIDER_TO_LIBRARY.get(provider, "openai"))

    async def aclose(self) -> None:
        """Closes the clients that were built here; those passed in are their owner's."""
        built, self._built = self._built, {}
        for model in built.values():
            close = getattr(model, "aclose", None)
            if close is not None:
                await close()

    def _build(self, name: str, provider: str, model: str) -> Model:
        if provider in self._base_urls:
            from orchestra.models.openai import OpenAIModel

            key = (self._env.get(f"{provider.upper().replace('-', '_')}_API_KEY") or "none").strip()
            if name in self._embedders:
                return self._embedding(name, model, self._base_urls[provider], key)
            return OpenAIModel(model, name=name, base_url=self._base_urls[provider], api_key=key)
        if name in self._embedders:
            from orchestra.models.openai import VENDORS_URL

            return self._embedding(name, model, *access(provider, model, self._env, VENDORS_URL))
        built: Model = self._module(provider).create(model, self._env)
        return built

    def _embedding(self, name: str, model: str, base_url: str, key: str) -> Model:
        from orchestra.models.embeddings import OpenAIEmbeddings

        return OpenAIEmbeddings(model, name=name, base_url=base_url, api_key=key, d=self._embedders[name])

    def _split(self, name: str) -> tuple[str, str]:
        provider, _, model = name.partition(":")
        if not provider or not model:
            raise UnknownModel(f"The model name {name!r} is not of the form 'provider:model'.")
        return provider, model

    def _module(self, provider: str) -> Any:
        if provider not in PROVIDERS:
            words = {*PROVIDERS, *self._base_urls, *(name.partition(":")[0] for name in self._overrides)}
            raise UnknownProvider(f"There is no provider {provider!r}; known are {', '.join(sorted(words))}.")
        return import_module(PROVIDERS[provider])


def _nothing() -> None:
    """What clients that need no library load."""
