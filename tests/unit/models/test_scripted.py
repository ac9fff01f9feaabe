import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core import errors
from orchestra.core.message import ToolCall, user
from orchestra.core.usage import Usage
from orchestra.models.scripted import Echo, Failing, Scripted, Slow
from orchestra.ports.model import Model, Reply, Request

ASK = Request(messages=(user("hello"),))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.anyio
async def test_steps_come_in_order_and_requests_are_kept() -> None:
    call = ToolCall(id="c", name="find")
    with Scripted("one", Reply(text="two", model="x"), call, lambda r: r.messages[0].text, OSError("no")) as model:
        first = await model.request(ASK)
        assert (first.text, first.model) == ("one", "test:scripted")
        second = await model.request(ASK)
        assert (second.text, second.model) == ("two", "x")
        third = await model.request(ASK)
        assert (third.tool_calls, third.finish) == ((call,), "tool_calls")
        assert (await model.request(ASK)).text == "hello"
        with pytest.raises(OSError, match="no"):
            await model.request(ASK)
    assert model.requests == [ASK] * 5


@pytest.mark.anyio
async def test_asked_too_often() -> None:
    model = Scripted("one")
    await model.request(ASK)
    with pytest.raises(errors.BadRequest, match="1 steps and was asked 2 times"):
        await model.request(ASK)


def test_steps_left_over_fail() -> None:
    with pytest.raises(AssertionError, match="1 of 1 steps; next is 'one'"), Scripted("one"):
        pass
    with pytest.raises(KeyError), Scripted("one"):
        raise KeyError
    Scripted().assert_consumed()


@given(st.text(), st.text(), st.integers(1, 9))
def test_what_is_reported_stays_within_the_bounds(prompt: str, answer: str, max_tokens: int) -> None:
    model = Scripted(answer)
    request = Request(messages=(user(prompt),), max_tokens=max_tokens)
    usage = anyio.run(model.request, request).usage
    assert usage.input_tokens == model.count(request)
    assert 0 < usage.output_tokens <= max_tokens and usage.requests == 1


@pytest.mark.anyio
async def test_declared_usage() -> None:
    fixed = Usage(input_tokens=3, output_tokens=4, requests=1)
    assert (await Scripted("x", usage=fixed).request(ASK)).usage == fixed
    assert (await Scripted(Reply(text="x", usage=fixed)).request(ASK)).usage == fixed


@pytest.mark.anyio
async def test_the_others() -> None:
    models: list[Model] = [Echo(), Slow(Echo(name="test:other"), 0.001)]
    assert [(await model.request(ASK)).text for model in models] == ["hello", "hello"]
    assert models[1].name == "test:other"
    failing = Failing(errors.RateLimited("wait", retry_after_s=1.0))
    raised = []
    for _ in range(2):
        with pytest.raises(errors.RateLimited) as caught:
            await failing.request(ASK)
        raised.append(caught.value)
    assert raised[0] is not raised[1] and raised[0].facts == {"retry_after_s": 1.0} and failing.calls == 2
    with pytest.raises(errors.Overloaded):
        await Failing().request(ASK)


@pytest.mark.anyio
async def test_slow_waits() -> None:
    with anyio.move_on_after(0.01) as scope:
        await Slow(Echo(), 5).request(ASK)
    assert scope.cancelled_caught
