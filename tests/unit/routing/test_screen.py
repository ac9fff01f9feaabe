"""The first stage against scores worked out by hand."""

import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadNumber
from orchestra.routing.screen import screened, stage_one


@pytest.mark.parametrize(
    ("option", "score"),
    [
        (Option("idle", similarity=0.8, prior=0.6), 0.5 * 0.8 + 0.35 * 0.6 + 0.15),
        (Option("busy", similarity=0.8, prior=0.6, in_flight=8, latency_s=1.0), 0.61 + 0.15 * (0.2 + 0.2 + 0.2)),
        (Option("slow", similarity=0.0, prior=0.5, latency_s=9.0), 0.175 + 0.15 * (0.4 + 0.0 + 0.2)),
        (Option("down", similarity=0.5, prior=0.5, filtered="hidden"), 0.425 + 0.15 * 0.8),
    ],
    ids=lambda value: value.name if isinstance(value, Option) else "",
)
def test_the_score_is_the_published_sum(option: Option, score: float) -> None:
    assert stage_one(option) == pytest.approx(score)


def test_only_the_top_are_kept_with_the_reason() -> None:
    options = [Option(f"a{i}", similarity=i / 10) for i in range(5)] + [
        Option("down", similarity=1.0, filtered="hidden")
    ]
    kept = screened(options, 2)
    assert [option.name for option in kept] == [option.name for option in options]
    assert [option.name for option in kept if option.filtered is None] == ["a3", "a4"]
    assert kept[0].filtered == "below the top 2 by similarity and prior"
    assert kept[5].filtered == "hidden"


def test_few_options_pass_and_equals_go_by_order() -> None:
    options = tuple(Option(f"a{i}") for i in range(50))
    assert screened(options) == options
    assert screened((*options, Option("late")), None)[-1].filtered is None
    assert screened((*options, Option("late")))[-1].filtered is not None
    with pytest.raises(BadNumber, match="keep"):
        screened(options, 0)
    with pytest.raises(BadNumber, match="keep"):
        screened((), 0)
