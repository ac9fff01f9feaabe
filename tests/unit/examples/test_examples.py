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
    "resume": [
        "stopped 0.01 {'run/publish/draft:d66b31fd1736.0': 'a draft about rivers'}",
        "paused 0.02 [\"Publish 'a polished text about rivers'?\"]",
        "done 0.02 published: a polished text about rivers",
        "agents called: draft, polish",
    ],
}


@pytest.mark.parametrize("example", EXAMPLE_TO_LINES)
def test_example(example: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"examples.{example}", raising=False)
    runpy.run_module(f"examples.{example}", run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in EXAMPLE_TO_LINES[example] if line not in printed] == []
