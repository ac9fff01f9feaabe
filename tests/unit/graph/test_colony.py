"""Capabilities bound in turn: what each is given, what becomes of a failure."""

from orchestra.core.call import Call, Goal
from orchestra.core.errors import BudgetExceeded, NoProvider, PauseRequested
from orchestra.core.outcome import Done, Failed, Outcome, Paused, cause_of, failed
from orchestra.graph.colony import in_turn
from orchestra.graph.recovery import Recovery
from tests.support.plans import Driver

STAGES = ("lookup", "pay", "tell")
TASK = Call(target="close", input="A-17", timeout_s=3.0, output_type=str)


def echo(call: Call) -> Outcome:
    return Done(output=f"{call.input}>{getattr(call.target, 'name', call.target)}")


def walked(driver: Driver, recovery: Recovery = Recovery(), task: Call = TASK) -> Outcome:  # noqa: B008
    return driver.run(in_turn(task, STAGES, recovery))


def test_each_is_given_the_output_of_the_one_before() -> None:
    driver = Driver(echo)
    assert walked(driver) == Done(output="A-17>lookup>pay>tell")
    assert [call.input for _, call in driver.calls] == ["A-17", "A-17>lookup", "A-17>lookup>pay"]
    assert [call.output_type for _, call in driver.calls] == [None, None, str]
    assert {call.timeout_s for _, call in driver.calls} == {3.0}
    assert [call.fallback for _, call in driver.calls] == [None] * 3


def test_a_layer_without_anybody_ends_it_with_its_failure_or_with_a_lesser_goal() -> None:
    def answer(call: Call) -> Outcome:
        return failed(NoProvider("nobody")) if call.target == "pay" else echo(call)

    driver = Driver(answer)
    outcome = walked(driver)
    assert isinstance(outcome, Failed) and driver.names == ["lookup", "pay"]
    driver = Driver(answer)
    assert walked(driver, Recovery(goals=("voucher",))) == Done(output="A-17>voucher")
    assert driver.calls[-1][1].target == Goal(name="voucher") and [r.how for r in driver.records] == ["demoted"]
    driver = Driver(answer)
    walked(driver, task=Call(target="close", input="A-17", fallback=("voucher",)))
    assert [call.fallback for _, call in driver.calls] == [(), ()]


def test_a_budgets_end_and_a_pause_go_up_as_they_are() -> None:
    for end in (failed(BudgetExceeded("over")), Paused(cause=cause_of(PauseRequested("?")), asks=(("k", "?"),))):
        driver = Driver(lambda call, end=end: end if call.target == "pay" else echo(call))  # type: ignore[misc]
        outcome = walked(driver, Recovery(goals=("voucher",)))
        assert type(outcome) is type(end) and driver.names == ["lookup", "pay"]


def test_no_capabilities_are_the_input_itself() -> None:
    assert Driver(echo).run(in_turn(TASK, (), Recovery())) == Done(output="A-17")
