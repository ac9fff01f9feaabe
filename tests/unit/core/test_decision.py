"""Questions to routers, and the record of what they answered."""

import random

from orchestra.core.decision import Decide, Option, Step
from orchestra.routing.learners.simple import Random


def test_a_record_can_be_asked_again() -> None:
    question = Decide(
        capability="answer",
        options=(Option("a", cost_nano=3, prior=0.7), Option("b", filtered="hidden"), Option("c", latency_s=2.0)),
        x=(1.0, 0.5),
        marks="two features",
        budget_left_nano=9,
        because="run/failed",
        previous="reader",
        step=Step(turn=2, failed=True, model="small"),
        signals=(("long", 0.5),),
    )
    made = Random().choose(question, "k", random.Random(0))
    assert made.options != question.options and made.question() == question
