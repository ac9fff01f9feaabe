"""What every model keeps to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from orchestra.core.errors import ModelError
from orchestra.core.message import assistant, system, user
from orchestra.ports.model import Delta, Model, Reply, Request, Streaming, ToolSpec
from orchestra.testing.laws import check, report, said

PLAIN = Request(messages=(system("Answer briefly."), user("Which of the four seasons is the coldest?")), max_tokens=64)
FIND = ToolSpec(
    name="find_order",
    description="Looks an order up.",
    parameters={"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
)
REQUESTS = (
    PLAIN,
    Request(messages=(user("Hello."), assistant("Hello."), user("And goodbye.")), max_tokens=16, temperature=0.0),
    Request(messages=(user("Gr\u00fc\u00dfe, \u4f60\u597d \U0001f600"),), max_tokens=16, seed=7),
    Request(messages=(user("Where is order A-17?"),), tools=(FIND,), max_tokens=64),
    Request(messages=(user("Give a number."),), schema={"type": "integer"}, max_tokens=16),
)
ODD = (
    Request(messages=()),
    Request(messages=(system("Only this."),), max_tokens=1),
    Request(messages=(user(""),), max_tokens=1),
    Request(messages=(user("half a pair: \ud800, nothing: \x00"),), max_tokens=8),
    Request(messages=(user("long " * 4_000),), max_tokens=1),
)


async def model_laws(make_model: Callable[[], Model]) -> None:
    """Checks a model against the promises of its port: await it in a test, with a function that makes a new one that
    answers. It sends about forty small requests.

    ``count`` is steady and a bound of the prompt's tokens; a reply is a Reply with one request and its tokens in its
    usage, no price, and no more output than ``max_tokens``; tools are asked for only if they were offered; what goes
    wrong is one of ModelError's tree; the pieces of a stream make the reply's text.
    Raises: LawBroken, with the names of the laws.
    """
    broken: dict[str, str] = {}
    for name, law in LAWS.items():
        model = make_model()
        try:
            await law(model)
        except Exception as error:
            broken[name] = said(error)
        finally:
            close = getattr(model, "aclose", None)
            if close is not None:
                await close()
    report("model", broken)


async def replies(model: Model) -> list[tuple[Request, Reply]]:
    """What it answered; a request of some kind that it refuses by an error of the tree is no reply."""
    found = [(PLAIN, await model.request(PLAIN))]
    for request in REQUESTS[1:]:
        try:
            found.append((request, await model.request(request)))
        except ModelError:
            continue
    return found


async def it_is_named(model: Model) -> None:
    check(isinstance(model.name, str) and bool(model.name), f"its name is {model.name!r}")
    window = model.context_window
    check(window is None or (type(window) is int and window > 0), f"its context window is {window!r}")


async def count_is_steady(model: Model) -> None:
    for request in REQUESTS:
        counts = {model.count(request) for _ in range(3)}
        check(len(counts) == 1, f"one request counts {sorted(counts)} tokens")
        (count,) = counts
        check(type(count) is int and count > 0, f"a request counts {count!r} tokens")
        longer = replace(request, messages=(*request.messages, user("and more of it " * 20)))
        check(model.count(longer) > count, f"a longer request counts {model.count(longer)} tokens, the shorter {count}")


async def it_replies(model: Model) -> None:
    for request, reply in await replies(model):
        check(isinstance(reply, Reply), f"it answered a {type(reply).__name__}, no Reply")
        check(bool(reply.text or reply.tool_calls) or reply.finish != "stop", "an empty reply that stopped by itself")
        finishes = ("stop", "length", "tool_calls", "refusal")
        check(reply.finish in finishes, f"finish is {reply.finish!r}, not one of {finishes}")
        offered = {tool.name for tool in request.tools}
        asked = {call.name for call in reply.tool_calls}
        check(asked <= offered, f"it asked for {sorted(asked)}, offered were {sorted(offered)}")


async def usage_is_within_count(model: Model) -> None:
    for request, reply in await replies(model):
        usage, count = reply.usage, model.count(request)
        check(0 < usage.input_tokens <= count, f"{usage.input_tokens} tokens of prompt, count said {count} at most")


async def usage_is_of_one_request(model: Model) -> None:
    for _, reply in await replies(model):
        usage = reply.usage
        check(usage.requests == 1, f"usage has {usage.requests} requests")
        check(usage.nano_usd == 0 and usage.unpriced == 0, "usage has a price; the runtime adds it")
        check(0 <= usage.cached_tokens <= usage.input_tokens, f"{usage.cached_tokens} tokens were cached")


async def output_is_within_max_tokens(model: Model) -> None:
    for limit in (1, 5, PLAIN.max_tokens):
        try:
            reply = await model.request(replace(PLAIN, max_tokens=limit))
        except ModelError:
            continue
        made = reply.usage.output_tokens
        check(0 <= made <= limit, f"{made} tokens of output, max_tokens was {limit}")


async def errors_are_of_the_tree(model: Model) -> None:
    for request in (*REQUESTS, *ODD):
        await _of_the_tree(lambda request=request: model.request(request))  # type: ignore[misc]
        if isinstance(model, Streaming):
            await _of_the_tree(lambda request=request: model.stream(request, _heard))  # type: ignore[misc]


async def pieces_make_the_text(model: Model) -> None:
    if not isinstance(model, Streaming):
        return
    for request in REQUESTS:
        pieces: list[Delta] = []
        try:
            reply = await model.stream(request, pieces.append)
        except ModelError:
            continue
        text = "".join(piece.text for piece in pieces)
        cut = reply.finish == "length" and reply.text.startswith(text)
        check(text == reply.text or cut, f"the pieces make {text!r}, the reply is {reply.text!r}")
        check(all(piece.output_bytes >= 0 for piece in pieces), "a piece of less than no bytes")
        check(reply.usage.requests == 1, f"a streamed reply's usage has {reply.usage.requests} requests")


async def _of_the_tree(ask: Callable[[], Awaitable[Reply]]) -> None:
    try:
        await ask()
    except ModelError:
        return
    except Exception as error:
        check(False, f"it raised {type(error).__name__}: {error}, which is none of ModelError's tree")


def _heard(_: Delta) -> None:
    """Nobody listens."""


LAWS: dict[str, Callable[[Model], Awaitable[None]]] = {
    law.__name__: law
    for law in (
        it_is_named,
        count_is_steady,
        it_replies,
        usage_is_within_count,
        usage_is_of_one_request,
        output_is_within_max_tokens,
        errors_are_of_the_tree,
        pieces_make_the_text,
    )
}
