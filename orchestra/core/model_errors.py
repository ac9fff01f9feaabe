"""What a model's provider answered."""

from __future__ import annotations

from typing import ClassVar

from orchestra.core.fault import OrchestraError


class ModelError(OrchestraError):
    """A model's provider answered with an error."""

    retryable: ClassVar[bool] = False


class RateLimited(ModelError):
    """429: too many requests. ``facts['retry_after_s']`` holds the provider's wish where it gave one."""

    retryable = True
    remedy = "Wait, or give the agent a second model."


class QuotaExceeded(ModelError):
    """The account has no credit left."""

    remedy = "Top the account up, or give the agent a second model."


class Overloaded(ModelError):
    """5xx: the provider is overloaded or broken."""

    retryable = True
    remedy = "Wait, or give the agent a second model."


class ModelTimeout(ModelError):
    """The provider did not answer in time."""

    retryable = True
    remedy = "Raise timeout_s, or give the agent a second model."


class ModelUnreachable(ModelError):
    """No connection to the provider."""

    retryable = True
    remedy = "Check base_url and the network."


class ContextWindow(ModelError):
    """The request does not fit the model's context window."""

    remedy = "Shorten the task, or give the agent a model with a larger window."


class AuthFailed(ModelError):
    """The provider refused the key."""

    remedy = "Check the key in the provider's environment variable."


class ContentRefused(ModelError):
    """The provider or the model refused the content."""

    remedy = "Rephrase the task, or give the agent another model."


class LengthStop(ModelError):
    """The reply was cut at max_tokens before it was complete."""

    remedy = "Raise max_tokens, or ask for a shorter answer."


class BadRequest(ModelError):
    """The provider rejected the request, or answered with something that is not a reply."""

    remedy = "Check the model's name and the agent's options."
