"""Our own messages: vendors meet them only in the wire mappings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestra.core.errors import BadDefinition

Role = Literal["system", "user", "assistant", "tool"]
IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
IMAGE_BYTES = 5_000_000
"""The largest image sent along, in bytes of base64: the smallest limit among the vendors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture: its content as base64 in ``data`` with its ``media_type``, or the ``url`` the vendor fetches it from.

    Raises: BadDefinition for both or neither, another type, content that is no base64 or too large, a url without
    http.
    """

    media_type: str = ""
    data: str = field(default="", repr=False)
    url: str = ""

    def __post_init__(self) -> None:
        if bool(self.data) == bool(self.url):
            raise BadDefinition("An image has either data or a url.", remedy="Give one of them.")
        if self.url:
            if not self.url.startswith(("https://", "http://")):
                raise BadDefinition(f"The image's url {self.url[:100]!r} is no http address.")
            return
        if self.media_type not in IMAGE_TYPES:
            raise BadDefinition(f"An image is one of {', '.join(IMAGE_TYPES)}, not {self.media_type!r}.")
        if len(self.data) > IMAGE_BYTES:
            raise BadDefinition(
                f"The image has {len(self.data)} bytes of base64; {IMAGE_BYTES} may be sent.", remedy="Scale it down."
            )
        try:
            base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            raise BadDefinition("The image's data is no base64.", remedy="Use Image.of(content, media_type).") from None

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Image:
        """An image from a file's content. Raises BadDefinition."""
        return cls(media_type=media_type, data=base64.b64encode(content).decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to have a tool run."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn. ``tool_calls`` only on assistant turns, ``call_id`` only on tool turns, ``images`` only on user turns.

    Raises: BadDefinition for images on another turn.
    """

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    images: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        if self.images and self.role != "user":
            raise BadDefinition(f"A turn of role {self.role!r} holds images.", remedy="Give them on a user turn.")


def system(text: str) -> Message:
    return Message(role="system", text=text)


def user(text: str, *images: Image) -> Message:
    return Message(role="user", text=text, images=images)


def assistant(text: str, *tool_calls: ToolCall) -> Message:
    return Message(role="assistant", text=text, tool_calls=tool_calls)


def tool_result(call_id: str, text: str) -> Message:
    return Message(role="tool", text=text, call_id=call_id)
