"""What a Result tells: output, partial, asks, decisions, explanation; and route, its first decision without the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from pydantic import BaseModel

from orchestra import Agent, Budget, Orchestra, agent, errors, gather, outcome, step, workflow
from orchestra.core.events import CallEnded
from orchestra.core.usage import Usage
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Reply
from orchestra.telemetry import names
from orchestra.telemetry.spans import spans
from tests.support.shop import adyen, careful, close, made, stripe, writer


class Receipt(BaseModel):
    order: str
    cents: int


@dataclass(frozen=True)
class Parcel:
    order: str
    weight_kg: float


@agent
async def till(order: str) -> Receipt:
    return Receipt(order=order, cents=500)


@agent
def scale(order: str) -> Parcel:
    return Parcel(order, 1.5)


@agent
def shelf(order: str) -> list[Parcel]:
    return [Parcel(order, 1.5)]


cashier = Agent("cashier", model="test:json", output_type=Receipt)
RECEIPT = Receipt(order="A1", cents=500)
JSON = RECEIPT.model_dump_json()


@workflow
async def typed(order: str) -> tuple[Receipt, Parcel, list[Parcel], Receipt, Receipt]:
    one, two, three = await gather(step(till, order), step(scale, order, output_type=Parcel), step(shelf, order))
    return one, two, three, await step("till", order, output_type=Receipt), await step(cashier, order)


@pytest.mark.parametrize("kept", ["nothing", "events", "journal"])
def test_outputs_are_of_their_type_whatever_is_kept(kept: str, tmp_path: Path) -> None:
    async def main() -> None:
        team = Orchestra(
            agents=[till, scale, shelf, cashier],
            models={"test:json": Scripted(*[JSON] * 4)},
            state=None if kept == "nothing" else tmp_path / "team.db",
            journal=kept == "journal",
        )
        async with team:
            assert (await team.run(till, "A1")).output == RECEIPT
            assert (await team.run(scale, "A1")).output == Parcel("A1", 1.5)
            assert (await team.run(shelf, "A1")).output == [Parcel("A1", 1.5)]
            assert (await team.run(cashier, "A1")).output == RECEIPT
            assert (await team.run("A1", to="till", output_type=Receipt)).output == RECEIPT
            assert (await team.run("A1", to="till")).output == {"order": "A1", "cents": 500}
            assert (await team.run("A1", to="cashier")).output == {"order": "A1", "cents": 500}
            assert (await team.run("A1", to="cashier", output_type=Receipt)).output == RECEIPT
            result = await team.run(typed, "A1")
            assert result.output == (RECEIPT, Parcel("A1", 1.5), [Parcel("A1", 1.5)], RECEIPT, RECEIPT)
            if kept == "journal":
                assert (await team.replay(result.run_id)).output == result.output

    anyio.run(main)


def test_a_value_that_does_not_fit_its_type() -> None:
    result = anyio.run(lambda: made().run("A1", to="answer", output_type=Receipt))
    assert result.status == "failed"
    assert result.cause is not None
    assert "does not fit Receipt" in result.cause.message


def test_partial_is_what_is_finished_without_what_is_below_it() -> None:
    async def branch(order: str) -> str:
        return str(await step("answer", order, key="deep"))

    @workflow
    async def broken_off(order: str) -> None:
        await gather(step(adyen, order, key="paid"), branch(order), outcome(step("juggle", order)))
        raise RuntimeError("power cut")

    result = anyio.run(lambda: made().run(broken_off, "A1"))
    assert result.status == "failed"
    assert {key.rpartition("/")[2]: value for key, value in result.partial.items()} == {
        "paid": "refunded A1",
        "deep": "A1",
    }
    done = anyio.run(lambda: made().run(close, "hi", "A1"))
    assert done.partial == {"run/close": done.output}


def test_decisions_and_their_explanation() -> None:
    result = anyio.run(lambda: made(router="fixed:stripe").run(close, "hi", "A1"))
    assert sorted(one.capability for one in result.decisions) == ["answer", "refund", "refund"]
    told = result.explain()
    assert [(one.name, one.how, one.to) for one in told.failures] == [("stripe", "rerouted", "adyen")]
    assert told.cost.node_to_usage["stripe"].nano_usd == 2_000_000
    assert told.usage == result.usage
    assert told.to_dict()["failures"][0]["cause"]["kind"] == "NoEffect"
    assert "NoEffect" in str(told)


def test_route_is_the_first_decision_of_the_run() -> None:
    async def main() -> None:
        # a floor of one half, so that the seeds really choose
        from orchestra.routing.learners.linucb import LinUCB

        names = set()
        for seed in range(12):
            team = made(agents=[adyen, writer], router=LinUCB(floor=1.0))
            expected = team.route("where is A1", seed=seed)
            result = await team.run("where is A1", seed=seed)
            first = result.decisions[0]
            assert (expected.options, expected.chosen, expected.probability, expected.x) == (
                first.options,
                first.chosen,
                first.probability,
                first.x,
            )
            assert first.key == expected.key.replace("route/", f"{result.run_id}/", 1)
            names |= {*first.chosen}
        assert names == {"adyen", "writer"}

    anyio.run(main)


def test_route_knows_the_budget_and_calls_nobody() -> None:
    team = made(agents=[stripe, adyen], budget=Budget(usd="0.003"))
    options = {option.name: option.filtered for option in team.route("A1", to="refund").options}
    assert options["stripe"] is None
    assert options["adyen"] == "costs $0.004 and $0.003 is left"
    assert team.route("A1", to="stripe").reason == "it was asked for by name"
    with pytest.raises(errors.NoProvider, match=r"costs \$0.002"):
        made(agents=[stripe], budget=Budget(usd=0)).route("A1", to="refund")


def test_route_knows_what_was_learned_before(tmp_path: Path) -> None:
    async def teach() -> None:
        async with made(state=tmp_path / "team.db") as team:
            await team.feedback((await team.run("hello", to="answer")).run_id, 1.0)

    anyio.run(teach)
    team = made(state=tmp_path / "team.db")
    assert team.route("hello", to="answer").options[0].tries == 1
    team.close()


def test_a_question_pauses_and_its_answer_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with made(state=tmp_path / "team.db", journal=True) as team:
            result = await team.run(careful, "open the vault")
            assert result.status == "paused"
            assert result.asks == {"run/careful/may": "May I open the vault?"}
            done = await team.resume(result.run_id, answers={"run/careful/may": "no"})
            assert done.output == "open the vault: no"
            assert done.asks == {}
            assert done.cause is None
            assert sum(isinstance(e, CallEnded) and e.name == "ask" for e in done.events) == 2

    anyio.run(main)


def test_where_to_is_a_capability_and_a_name_the_capability_wins() -> None:
    @agent(provides=["till", "stripe"])
    def other(order: str) -> str:
        return f"other {order}"

    async def main() -> None:
        team = made(agents=[stripe, other], router="fixed")
        assert (await team.run("A1", to="stripe")).output == "other A1"
        assert (await team.run("A1", to="other")).output == "other A1"

    anyio.run(main)


@pytest.mark.parametrize("journal", [False, True])
def test_a_cut_answer_is_an_answer_and_says_so(journal: bool, tmp_path: Path) -> None:
    half = Reply(text="half a sent", finish="length", usage=Usage(input_tokens=9, output_tokens=5, requests=1))
    whole = Reply(text="A sentence.", usage=Usage(input_tokens=9, output_tokens=3, requests=1))
    clerk = Agent("clerk", model="test:cut", max_tokens=5)
    model = Scripted(half, whole)
    team = Orchestra(agents=[clerk], models={"test:cut": model}, state=tmp_path / "t.db", journal=journal)
    cut, fine = team.run_sync("Tell me."), team.run_sync("Tell me all.")
    assert (cut.status, cut.output) == ("done", "half a sent")
    assert len(cut.cut) == 1 and "/@clerk/" in cut.cut[0]
    assert "Cut at max_tokens: clerk (test:cut)" in str(cut.explain())
    assert fine.cut == () and "Cut" not in str(fine.explain())
    told = [span.attributes.get(names.RESPONSE_FINISH_REASONS) for span in spans(cut.run_id, cut.events)]
    assert ("length",) in told
    if journal:
        again = team.resume_sync(cut.run_id)
        assert again.cut == cut.cut, "also from the journal"
    team.close()
