"""Our own messages: vendors meet them only in the wire mappings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, NoReturn, get_args

from orchestra.core.errors import BadDefinition

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)
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

    def to_json(self) -> dict[str, Any]:
        """The turn as a JSON object: ``role`` and ``text``, and what else it has. ``from_json`` gives the same turn.

        Raises: BadDefinition for arguments of a tool call that are no JSON.
        """
        found: dict[str, Any] = {"role": self.role, "text": self.text}
        if self.tool_calls:
            found["tool_calls"] = [
                {
                    "id": call.id,
                    "name": call.name,
                    "arguments": _json(dict(call.arguments), f"message.tool_calls[{at}].arguments"),
                }
                for at, call in enumerate(self.tool_calls)
            ]
        if self.call_id is not None:
            found["call_id"] = self.call_id
        if self.images:
            names = ("media_type", "data", "url")
            found["images"] = [
                {name: value for name in names if (value := getattr(image, name))} for image in self.images
            ]
        return found

    @classmethod
    def from_json(cls, value: Any, place: str = "message") -> Message:
        """The turn of a JSON object. ``place`` is what a fault calls it.

        Raises: BadDefinition for an unknown role or key and for a value of another type, with its place.
        """
        given = _object(value, place, ("role", "text", "tool_calls", "call_id", "images"))
        role = given.get("role")
        if role not in ROLES:
            _fault(f"{place}.role", f"is {role!r}, not one of {', '.join(ROLES)}")
        if role != "user" and given.get("images"):
            _fault(f"{place}.images", "stand on a turn that is not the user's")
        call_id = given.get("call_id")
        return cls(
            role=role,
            text=_text(given, "text", place, ""),
            tool_calls=tuple(_tool_call(*item) for item in _items(given, "tool_calls", place)),
            call_id=None if call_id is None else _text(given, "call_id", place),
            images=tuple(_image(*item) for item in _items(given, "images", place)),
        )


def system(text: str) -> Message:
    return Message(role="system", text=text)


def user(text: str, *images: Image) -> Message:
    return Message(role="user", text=text, images=images)


def assistant(text: str, *tool_calls: ToolCall) -> Message:
    return Message(role="assistant", text=text, tool_calls=tool_calls)


def tool_result(call_id: str, text: str) -> Message:
    return Message(role="tool", text=text, call_id=call_id)


def messages_of(values: Sequence[Any], place: str = "history") -> tuple[Message, ...]:
    """Messages, or their JSON objects, as messages. Raises BadDefinition with the place: ``history[2].role``."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
        _fault(place, f"is a {type(values).__name__}, not a list of messages")
    return tuple(
        one if isinstance(one, Message) else Message.from_json(one, f"{place}[{at}]") for at, one in enumerate(values)
    )


def checked_history(values: Sequence[Any]) -> tuple[Message, ...]:
    """A conversation that an agent can go on with: every tool call answered at once, and no system turn.

    Raises: BadDefinition with the place.
    """
    history = messages_of(values)
    waiting: list[str] = []
    for at, message in enumerate(history):
        place = f"history[{at}]"
        if message.role == "system":
            _fault(place, "is a system turn, where the instructions of who answers stand", "Leave it out.")
        if message.role == "tool":
            if message.call_id not in waiting:
                _fault(f"{place}.call_id", f"is {message.call_id!r}, which no call before it has")
            waiting.remove(message.call_id)
        elif waiting:
            _fault(place, f"comes before the result of the tool call {waiting[0]!r}")
        if message.tool_calls and message.role != "assistant":
            _fault(f"{place}.tool_calls", "stand on a turn that is not the assistant's")
        waiting += [call.id for call in message.tool_calls]
        _checked_arguments(message, place)
    if waiting:
        _fault("history", f"ends before the result of the tool call {waiting[0]!r}")
    return history


def _checked_arguments(message: Message, place: str) -> None:
    for number, call in enumerate(message.tool_calls):
        _json(dict(call.arguments), f"{place}.tool_calls[{number}].arguments")


def _fault(place: str, problem: str, remedy: str = "Correct it.") -> NoReturn:
    raise BadDefinition(f"{place} {problem}.", remedy=remedy, place=place)


def _object(value: Any, place: str, names: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        _fault(place, f"is a {type(value).__name__}, not an object")
    for name in value:
        if name not in names:
            _fault(f"{place}.{name}", f"is unknown; there are {', '.join(names)}")
    return value


def _text(given: Mapping[str, Any], name: str, place: str, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        _fault(f"{place}.{name}", "is missing" if value is None else f"is a {type(value).__name__}, not a text")
    return value


def _items(given: Mapping[str, Any], name: str, place: str) -> list[tuple[Any, str]]:
    values = given.get(name, ())
    if not isinstance(values, (list, tuple)):
        _fault(f"{place}.{name}", f"is a {type(values).__name__}, not a list")
    return [(value, f"{place}.{name}[{at}]") for at, value in enumerate(values)]


def _tool_call(value: Any, place: str) -> ToolCall:
    given = _object(value, place, ("id", "name", "arguments"))
    arguments = given.get("arguments", {})
    if not isinstance(arguments, Mapping):
        _fault(f"{place}.arguments", f"is a {type(arguments).__name__}, not an object")
    return ToolCall(
        id=_text(given, "id", place),
        name=_text(given, "name", place),
        arguments=_json(dict(arguments), f"{place}.arguments"),
    )


def _image(value: Any, place: str) -> Image:
    names = ("media_type", "data", "url")
    given = _object(value, place, names)
    fields = {name: _text(given, name, place, "") for name in names}
    try:
        return Image(**fields)
    except BadDefinition as error:
        _fault(place, f"cannot be used: {error.what.rstrip('.')}", error.fix)


def _json(value: Any, place: str) -> Any:
    """A copy of a JSON value. Nothing is converted: what comes back from JSON has to be equal."""
    try:
        return _copied(value, place)
    except RecursionError:
        _fault(place, "is nested too deeply, or contains itself")


def _copied(value: Any, place: str) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, list):
        return [_copied(item, f"{place}[{at}]") for at, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _copied(item, f"{place}.{key}") for key, item in value.items()}
    shown = value if isinstance(value, float) else f"a {type(value).__name__}"
    _fault(place, f"is {shown}, which JSON cannot hold" if not isinstance(value, dict) else "has a key that is no text")
