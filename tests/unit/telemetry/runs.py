"""A run written by hand: a refund that fails, is rerouted and judged, then an analysis by two model calls."""

from orchestra.core.decision import Decision, Option
from orchestra.core.events import (
    Attempt,
    CallEnded,
    CallStarted,
    Charged,
    Decided,
    Event,
    Filed,
    Recalled,
    Rewarded,
    RunEnded,
    RunStarted,
    Streamed,
)
from orchestra.core.outcome import Cause, Done, Failed
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request

RUN_ID = "abc123"
T = 1_700_000_000.0
FLOW = "run/close_ticket:00.0"
REFUND = f"{FLOW}/refund:11.0"
FIRST = f"{REFUND}/stripe:11.0"
SECOND = f"{REFUND}/adyen:11.0"
CHOICE = f"{REFUND}/decide:refund:22.0"
AGAIN = f"{REFUND}/decide:refund:23.0"
ANALYST = f"{FLOW}/analysis:33.0/analyst:33.0"
ASKED = f"{ANALYST}/openai:gpt-5-mini:44.0"
LOOKED_UP = f"{ANALYST}/find_order:55.0"
ANSWERED = f"{ANALYST}/openai:gpt-5-mini:66.0"
REFUSED = Cause(kind="ConnectionRefusedError", message="port 443", family=("NoEffect", "OrchestraError"))
MODEL = Usage(
    nano_usd=1_000_000, input_tokens=100, output_tokens=20, cached_tokens=60, cache_write_tokens=30, requests=1
)
TOOL = Usage(tool_calls=1)
STRIPE = Usage(nano_usd=2_000_000)
ADYEN = Usage(nano_usd=4_000_000)
TOTAL = MODEL + MODEL + TOOL + STRIPE + ADYEN

_OPTIONS = (
    Option("stripe", cost_nano=2_000_000, tries=3, score=0.71, probability=0.98),
    Option("adyen", cost_nano=4_000_000, score=0.64, probability=0.02),
    Option("paypal", cost_nano=1_000_000, filtered="breaker open"),
)


def decided(key: str, at: float, chosen: str, because: str | None = None) -> Decided:
    options = tuple(o._replace(filtered="failed before") if because and o.name == "stripe" else o for o in _OPTIONS)
    decision = Decision(
        key=f"{RUN_ID}/{key}",
        capability="refund",
        policy="linucb",
        version=3,
        options=options,
        chosen=(chosen,),
        probability=1.0 if because else 0.98,
        reason="" if because else "a secret reason",
        budget_left_nano=50_000_000,
        because=because,
    )
    return Decided(key, at, decision)


def model_call(key: str, at: float, asked: str) -> list[Event]:
    request, name = Request(messages=(), max_tokens=512, temperature=0.0), "openai:gpt-5-mini"
    reply = Reply(text=f"secret answer to {asked}", usage=MODEL, model="gpt-5-mini-2026", finish="stop")
    return [
        CallStarted(key, at, "model", name, input=request),
        Charged(key, at + 0.4, MODEL),
        CallEnded(key, at + 0.4, "model", name, Done(output=reply, usage=MODEL), MODEL, at),
    ]


def close_ticket() -> list[Event]:
    failed = Failed(cause=REFUSED, usage=STRIPE, origin=FIRST)
    analysis = MODEL + MODEL + TOOL
    chosen = [f"{RUN_ID}/{CHOICE}", f"{RUN_ID}/{AGAIN}"]
    return [
        RunStarted("run", T, "close_ticket", "shop:close_ticket", ["secret"], 7, {}),
        CallStarted(FLOW, T, "workflow", "close_ticket", input=["secret"]),
        decided(CHOICE, T + 0.1, "stripe"),
        CallStarted(FIRST, T + 0.1, "agent", "stripe", FIRST, "payment", chosen[0], {"order_id": "secret"}),
        Charged(FIRST, T + 0.1, STRIPE),
        CallEnded(FIRST, T + 0.2, "agent", "stripe", failed, STRIPE, T + 0.1, chosen[0], FIRST, "payment"),
        decided(AGAIN, T + 0.2, "adyen", because=FIRST),
        Filed(FIRST, T + 0.2, "rerouted", "adyen", "stripe", REFUSED),
        Charged(SECOND, T + 0.3, ADYEN),
        CallEnded(SECOND, T + 0.5, "agent", "adyen", Done(usage=ADYEN), ADYEN, T + 0.2, chosen[1], SECOND, "payment"),
        CallEnded(REFUND, T + 0.5, "bind", "refund", Done(usage=STRIPE + ADYEN), STRIPE + ADYEN, T + 0.1),
        *model_call(ASKED, T + 0.6, "one"),
        Streamed(ASKED, T + 1.0, 0.05, (10_000, 20_000)),
        Attempt(ANSWERED, T + 1.05, 1, Cause(kind="RateLimited", message="slow down"), 0.1),
        CallStarted(LOOKED_UP, T + 1.0, "tool", "find_order", input={"order_id": "secret"}, tool_call_id="call_7"),
        Charged(LOOKED_UP, T + 1.0, TOOL),
        CallEnded(LOOKED_UP, T + 1.1, "tool", "find_order", Done(output="secret", usage=TOOL), TOOL, T + 1.0),
        *model_call(ANSWERED, T + 1.1, "two"),
        CallEnded(ANALYST, T + 1.5, "agent", "analyst", Done(output="secret", usage=analysis), analysis, T + 0.6),
        Recalled(f"{FLOW}/summary:77.0", T + 1.5),
        CallEnded(FLOW, T + 1.5, "workflow", "close_ticket", Done(output="secret", usage=TOTAL), TOTAL, T),
        RunEnded("run", T + 1.5, "done", TOTAL, output="secret"),
        Rewarded(chosen[1], T + 9, 0.5, "customer"),
        Rewarded(chosen[1], T + 10, 1.0, "customer"),
    ]
