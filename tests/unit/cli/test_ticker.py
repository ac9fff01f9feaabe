"""How far a long work is, on stderr."""

import pytest

from orchestra.cli.ticker import ticker


def work(stages: int | None) -> None:
    with ticker("set", stages) as told:
        told(0, "reads")
        told(512, "texts")
        told(0, "learns")
        told(0, "learns")


def test_a_stage_says_which_of_how_many_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    work(3)
    assert capsys.readouterr().err.splitlines() == ["[1/3] reads", "[1/3] texts: 512", "[2/3] learns", "[3/3] learns"]
    work(None)
    assert capsys.readouterr().err.splitlines() == ["reads", "texts: 512", "learns", "learns"]


def test_on_a_terminal_the_bar_has_an_end(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    work(3)
    shown = capsys.readouterr().err
    assert "2/3" in shown and "set: learns" in shown
    work(None)
    assert "/3" not in capsys.readouterr().err
