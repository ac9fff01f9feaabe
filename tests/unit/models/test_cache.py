import anyio
import pytest

from orchestra.core import errors
from orchestra.core.message import user
from orchestra.models.cache import Cached
from orchestra.models.scripted import Echo, Scripted, Slow
from orchestra.ports.model import Request

COLD = Request(messages=(user("hello"),), temperature=0.0)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.anyio
async def test_a_hit_is_charged_as_recorded() -> None:
    model = Cached(Scripted("one", "two"))
    first = await model.request(COLD)
    assert await model.request(COLD) is first and first.usage.requests == 1
    assert (model.hits, model.misses) == (1, 1)
    assert (await model.request(Request(messages=(user("other"),), temperature=0.0))).text == "two"


@pytest.mark.anyio
async def test_only_at_temperature_zero() -> None:
    model = Cached(Scripted("one", "two"))
    warm = Request(messages=COLD.messages)
    assert [(await model.request(warm)).text for _ in range(2)] == ["one", "two"]
    assert (model.hits, model.misses) == (0, 0)


@pytest.mark.anyio
async def test_the_models_own_temperature_counts() -> None:
    class Cold(Echo):
        temperature = 0.0

    model = Cached(Cold())
    for _ in range(3):
        await model.request(Request(messages=COLD.messages))
    assert (model.hits, model.misses) == (2, 1)


@pytest.mark.anyio
async def test_identical_requests_at_one_time_share_a_call() -> None:
    model = Cached(Slow(Scripted("one"), 0.01))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(model.request, COLD)
    assert (model.hits, model.misses) == (4, 1)


@pytest.mark.anyio
async def test_failure_and_cancellation_leave_the_next_to_call() -> None:
    model = Cached(Scripted(errors.Overloaded("no"), "yes"))
    with pytest.raises(errors.Overloaded):
        await model.request(COLD)
    assert (await model.request(COLD)).text == "yes"


@pytest.mark.anyio
async def test_who_waits_takes_over_from_a_cancelled_call() -> None:
    model = Cached(Slow(Scripted("late"), 0.02))

    async def cancelled() -> None:
        with anyio.move_on_after(0.01):
            await model.request(COLD)

    async with anyio.create_task_group() as group:
        group.start_soon(cancelled)
        await anyio.sleep(0.002)
        assert (await model.request(COLD)).text == "late"
    assert (model.hits, model.misses) == (0, 2)
