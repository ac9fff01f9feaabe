import base64
from typing import Any

import anyio
import pytest

from orchestra.core.errors import BadDefinition
from orchestra.core.message import IMAGE_BYTES, Image, Message, user
from orchestra.models import wire_openai
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Request

PIXEL = Image.of(b"\x89PNG" * 99, "image/png")


def test_a_file_becomes_base64() -> None:
    assert base64.b64decode(PIXEL.data) == b"\x89PNG" * 99 and PIXEL.data not in repr(PIXEL)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"data": "AAAA", "media_type": "image/png", "url": "https://x.test/a"},
        {"url": "file:///etc/passwd"},
        {"url": "data:image/png;base64,AAAA"},
        {"data": "AAAA", "media_type": "image/svg+xml"},
        {"data": "AAAA"},
        {"data": "not base64!", "media_type": "image/png"},
        {"data": "grün", "media_type": "image/png"},
        {"data": "A" * (IMAGE_BYTES + 4), "media_type": "image/png"},
    ],
)
def test_bad_images(fields: dict[str, Any]) -> None:
    with pytest.raises(BadDefinition):
        Image(**fields)


def test_only_users_show_images() -> None:
    with pytest.raises(BadDefinition, match="assistant"):
        Message(role="assistant", images=(PIXEL,))


def test_on_the_wire() -> None:
    request = Request(messages=(user("what?", PIXEL, Image(url="https://x.test/a")), user("", PIXEL), user("text")))
    messages = wire_openai.body(request, "m")["messages"]
    assert [part["type"] for part in messages[0]["content"]] == ["text", "image_url", "image_url"]
    assert messages[0]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{PIXEL.data}"
    assert messages[0]["content"][2]["image_url"]["url"] == "https://x.test/a"
    assert [part["type"] for part in messages[1]["content"]] == ["image_url"] and messages[2]["content"] == "text"


def test_images_count_by_the_piece_and_leave_the_window_to_the_vendor() -> None:
    client = OpenAIModel("m", base_url="http://127.0.0.1:1/v1", context_window=10)
    bare, shown = (client.count(Request(messages=(user("?", *images),))) for images in ((), (PIXEL,)))
    assert 0 < shown - bare - wire_openai.PER_IMAGE < 100
    roomy = OpenAIModel("m", base_url="http://127.0.0.1:1/v1", context_window=1000)
    assert roomy._fitting(Request(messages=(user("?", PIXEL),)))[1] == shown
    anyio.run(roomy.aclose)
