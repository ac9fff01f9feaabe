"""A vendor's address and key, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from orchestra.core.errors import MissingKey


class Access(NamedTuple):
    """Where a provider is reached, and with which key; "none" for a server that needs none."""

    base_url: str
    api_key: str


def access(provider: str, model: str, env: Mapping[str, str], vendors_url: str) -> Access:
    """By the provider's two variables: OPENAI_BASE_URL and OPENAI_API_KEY for 'openai'.

    Raises: MissingKey if the vendor itself is meant, at ``vendors_url``, and there is no key.
    """
    base_url_name, key_name = f"{provider.upper()}_BASE_URL", f"{provider.upper()}_API_KEY"
    url, key = env.get(base_url_name) or vendors_url, env.get(key_name)
    hostname = None
    with suppress(ValueError):
        hostname = urlsplit(url).hostname
    if hostname == urlsplit(vendors_url).hostname and not key:
        raise MissingKey(
            f"'{provider}:{model}' needs a key.",
            remedy=f"Set {key_name}, or {base_url_name} to a server that needs none.",
        )
    return Access(url, (key or "none").strip())
