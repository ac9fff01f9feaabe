"""The small examples run as programs and print what they promise."""

import runpy
import sys

import pytest

EXAMPLE_TO_LINES = {
    "quickstart": ["26.2 miles are 42.16 km", "decisions rewarded: 1"],
    "refunds": [
        "order A-17 was refunded through adyen; the voucher may or may not have been sent",
        "  stripe: ConnectionRefusedError: nobody listens there -> rerouted to adyen",
        "  voucher: TimeoutError: no answer after 5 s -> escalated to caller",
    ],
    "live": [
        "Where is my parcel? -> parcels: highest upper confidence bound; never tried",
        "  parcels: prior 0.82, similarity 1.00, 0 rewards",
        "It arrives today.",
        "refused: broken.md, line 6, field 'cost_usd': usd='cheap' is not a number. Correct the file.",
        "drained: False",
        "the run in flight: It arrives tomorrow.",
        "drained: True",
    ],
    "tracing": [
        "route translation: of translator; filtered dictionary: failed already: LookupError; chose translator",
        "tokens on model spans 43, in the usage 43",
        "  translation: dictionary (p 1.00, $0.001)",
        "dictionary: LookupError, rerouted to translator",
        "   ├─ route writer -> writer  (cheapest, of 1, p 1.00)",
    ],
    "resume": [
        "stopped 0.01 ['a draft about rivers']",
        "BudgetExceeded: publish: $0.01 usd would pass the limit of $0.015; $0.005 is left. Resume with a larger "
        "budget: await team.resume(run_id, budget=Budget(...)).",
        "done 0.02 a polished text about rivers",
        "agents called: draft, polish",
    ],
    "approval": [
        "done: A-17 was paid back.",
        "paused: May the tool 'refund' be called with order_id=\"A-18\", cents=9900?",
        "done: A-18 was paid back.",
        "done: A-19 was not paid back: it is a gift.",
        "paused: Send the newsletter about rivers?",
        "done: sent",
        "paid back: A-17, A-18",
    ],
    "colony": [
        "first: start -> reader (p 1.00), reader -> calculator (p 0.50)",
        "add 17 and 25: 42",
        "   start -> reader (p 1.00), reader -> calculator (p 0.98)",
        "   start -> reader (p 1.00), reader -> writer (p 0.98)",
    ],
    "stages": [
        '{"receipt":"A-17: 49.00 EUR"}',
        "Error: Blocked: 'refund' was not called: the goal 'case:A-17' is at 'refunded', and it is legal at checked. "
        "Legal now: close_case (to closed); next stages: closed. Do what is legal now, or leave it.",
        "stage closed, version 6, facts {'paid': 4900}",
        "  advanced refund refunded",
    ],
    "sets": [
        "calibrated: [0.14, 0.52]",
        "accounts -> Done.",
        "parcels, refunds -> Conflict: one says 'The parcel arrives on Monday.', another 'The order was cancelled, no "
        "parcel was sent, and the money is back on Friday.'",
        "oos -> I am sorry, this is nothing that I can help with.",
        "   2 of 2 within 0.136 of the best; calibrated for a coverage of 0.90",
        "Done. because 1 of 1 within 0.300 of the best; without a promise",
        "asked for 0.5",
    ],
    "judged": [
        "says_where says 1.0, the reward is now 1.000",
        "judge says 0.5, the reward is now 0.875",
        "judge gave no reward: it failed: BadReply",
        "the run itself used 0 requests",
        "the judge used 3; learned 3 times",
    ],
    "policies": [
        "served from the file: quick, careful by linucb",
        "where cost counts: quick, quick",
        "pinned, so nothing was learned: True",
        "rewards in the file and now: [12, 18]",
    ],
    "cascade": [
        "'1/2' after 1 calls: small: accepted",
        "'6' after 2 calls: small: rejected; large: accepted",
        "'1/3' after 5 calls: 4 of 6 votes",
        "'The contract is void.' after 1 calls: legal decides, of those that hold: legal 1; "
        "the first listed that may be used",
    ],
    "stepwise": [
        "tasks: 21 easy, 32 hard, 7 intractable",
        "at no more than a mixture's cost: True",
        "large steps where it matters: True",
        "  test:large",
        "  test:small test:large costs up to $0.0096 and $0.004984 is left",
    ],
    "workflow": [
        "the river is deep (4)",
        "das Wasser ist kalt (4, left as it is: KeyError: 'das')",
        "  by_dictionary: KeyError: 'das' -> escalated to caller",
        "the river 2",
    ],
    "close_ticket": [
        "  stripe      $0.002",
        "    * openai:gpt-5-mini  score 2.434  probability 0.99  $0.00225  never tried",
    ],
}


@pytest.mark.parametrize("example", EXAMPLE_TO_LINES)
def test_example(example: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"examples.{example}", raising=False)
    runpy.run_module(f"examples.{example}", run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in EXAMPLE_TO_LINES[example] if line not in printed] == []
