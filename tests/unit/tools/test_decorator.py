"""@tool, bare and called."""

import asyncio
import functools
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, assert_type

import pytest

from orchestra.core.catalog import Code, Node, required_node
from orchestra.core.errors import BadDefinition, BadNumber, NoEffect
from orchestra.ports.scope import Context
from orchestra.tools.decorator import tool
from orchestra.tools.nodes import Definition, define


@tool
def double(n: int) -> int:
    """Doubles.

    Twice as much.
    """
    return 2 * n


@tool(name="shop.find", description="Finds it.", cost_usd="0.002", timeout_s=5, idempotent=True)
async def find(ctx: Context[int], order_id: str) -> dict[str, str]:
    """Looks an order up.  Args: order_id: the id printed on the receipt."""
    return {"id": order_id}


if TYPE_CHECKING:

    def the_signature_is_kept(ctx: Context[int]) -> None:
        assert_type(double(3), int)
        _one: Callable[[int], int] = double
        double("3")  # type: ignore[arg-type]
        find(ctx, order_id=3)  # type: ignore[arg-type, unused-coroutine]


def test_the_same_function_comes_back() -> None:
    def f(a: int) -> int:
        return a

    assert tool(f) is f and tool(name="g")(f) is f
    assert double(4) == 8 and pickle.loads(pickle.dumps(double)) is double
    assert asyncio.run(find(None, "A")) == {"id": "A"}  # type: ignore[arg-type]


def test_a_bare_tool_has_the_defaults() -> None:
    node = required_node(double)
    assert (node.name, node.kind, node.description, node.provides) == ("double", "tool", "Doubles.", ())
    assert (node.cost_nano, node.timeout_s, node.repeatable, node.trial_limit) == (0, None, True, 8)
    assert node.source == f"{__name__}:double"


def test_a_called_tool_has_its_options() -> None:
    node = required_node(find)
    assert (node.name, node.description, node.cost_nano, node.timeout_s) == ("shop.find", "Finds it.", 2_000_000, 5.0)
    assert isinstance(node.body, Code) and node.body.is_async and node.body.context == "ctx"


def test_an_effect_allows_one_trial() -> None:
    def pay(amount: int) -> None: ...

    node = required_node(tool(side_effect="payment", no_effect_on=(NoEffect,))(pay))
    assert (node.side_effect, node.no_effect_on) == ("payment", (NoEffect,))
    assert (node.repeatable, node.trial_limit) == (False, 1)


def test_an_agent_provides_its_own_name() -> None:
    def pay(amount: int) -> None: ...

    def built(**options: Any) -> Node:
        return define(pay, kind="agent", options=Definition(**options))

    assert built().provides == ("pay",)
    assert built(provides="refund").provides == ("refund",)
    assert built(provides=["a", "b"], trial_limit=3).provides == ("a", "b")


@pytest.mark.parametrize("name", ["", "1st", "a b", "ä", "a" * 65, "a/b", "<lambda>", 3])
def test_a_bad_name_is_refused(name: Any) -> None:
    with pytest.raises(BadDefinition, match="cannot be a name"):
        tool(name=name)(lambda: None)


@pytest.mark.parametrize("options", [{"cost_usd": -1}, {"cost_usd": float("nan")}, {"timeout_s": -0.1}])
def test_a_bad_number_is_refused(options: dict[str, Any]) -> None:
    def f() -> None: ...

    with pytest.raises(BadNumber):
        tool(**options)(f)


@pytest.mark.parametrize(
    ("options", "caps"),
    [
        ({}, (8, 0.5)),
        ({"side_effect": "payment"}, (1, 0.1)),
        ({"side_effect": "payment", "risk": "low"}, (8, 0.5)),
        ({"risk": "medium"}, (3, 0.25)),
        ({"risk": "high", "trial_limit": 5}, (5, 0.1)),
    ],
)
def test_the_class_of_risk_caps_trials(options: dict[str, Any], caps: tuple[int, float]) -> None:
    made = define(double, kind="agent", options=Definition(**options))
    assert (made.trial_limit, made.trial_share) == caps


def test_a_class_of_risk_that_is_none_is_refused() -> None:
    with pytest.raises(BadDefinition, match="'low', 'medium' or 'high'"):
        define(double, kind="agent", options=Definition(risk="none"))  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, 1.5, -1])
def test_a_bad_trial_limit_is_refused(limit: Any) -> None:
    with pytest.raises(BadNumber):
        define(double, kind="agent", options=Definition(trial_limit=limit))


def test_no_effect_on_takes_exception_types() -> None:
    with pytest.raises(BadDefinition, match="no_effect_on"):
        define(double, kind="agent", options=Definition(no_effect_on=("Timeout",)))  # type: ignore[arg-type]


def test_what_cannot_carry_a_definition_is_refused() -> None:
    with pytest.raises(BadDefinition):
        tool(functools.partial(double, 3))
    with pytest.raises(BadDefinition, match="cannot carry"):
        tool("text".upper)


def test_a_wrapped_function_keeps_its_signature() -> None:
    def logged(fn: Callable[[int], int]) -> Callable[[int], int]:
        @functools.wraps(fn)
        def inner(*args: Any, **kwargs: Any) -> int:
            return fn(*args, **kwargs)

        return inner

    @tool
    @logged
    def triple(n: int) -> int:
        return 3 * n

    assert required_node(triple).contract.bind("2") == {"n": 2} and triple(2) == 6


def test_decorating_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from orchestra.tools.decorator import tool\n"
        "@tool\n"
        "def f(a: int, b: str = '') -> str:\n"
        "    'F.'\n"
        "    return b\n"
        "f.__orchestra__.contract.bind({'a': 1})\n"
        "import orchestra.agents.files, orchestra.agents.prompt, orchestra.agents.bundled\n"
        "print(sorted({'pydantic', 'yaml', 'jinja2', 'typing_extensions'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
