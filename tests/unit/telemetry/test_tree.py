"""The tree to look at."""

import json

from orchestra.telemetry.tree import duration, money, render_tree, tree
from tests.unit.telemetry.runs import RUN_ID, close_ticket

TEXT = """\
run close_ticket  done  1.5 s  $0.008  240 tokens  1 recalled
└─ invoke_workflow close_ticket  1.5 s  $0.008  240 tokens
   ├─ route refund -> stripe  (linucb, of 2, p 0.98, 1 filtered)
   ├─ invoke_agent stripe  failed (ConnectionRefusedError)  rerouted to adyen  100 ms  $0.002
   ├─ route refund -> adyen  (linucb, of 1, p 1.00, 2 filtered, attempt 2)
   ├─ invoke_agent adyen  300 ms  $0.004
   └─ invoke_agent analyst  900 ms  $0.002  240 tokens
      ├─ chat gpt-5-mini  400 ms  $0.001  120 tokens
      ├─ execute_tool find_order  100 ms
      └─ chat gpt-5-mini  400 ms  $0.001  120 tokens  2 attempts"""


def test_the_text() -> None:
    assert render_tree(close_ticket(), RUN_ID) == TEXT


def test_the_json_form() -> None:
    (root,) = tree(close_ticket(), RUN_ID)
    told = json.loads(json.dumps(root.to_dict()))
    assert told["name"] == "run close_ticket"
    assert [child["name"] for child in told["children"]] == ["invoke_workflow close_ticket"]
    assert round(told["seconds"], 6) == 1.5


def test_an_empty_log_is_an_empty_text() -> None:
    assert render_tree([]) == ""


def test_small_amounts_can_be_read() -> None:
    assert [money(usd) for usd in (0, 0.1, 0.0000012, 12.5)] == ["$0.00", "$0.10", "$0.000001", "$12.50"]
    assert [duration(s) for s in (0, 0.0123, 1.234)] == ["0 ms", "12.3 ms", "1.23 s"]


def test_each_part_of_a_resumed_run_is_a_tree() -> None:
    text = render_tree([*close_ticket(), *close_ticket()], RUN_ID)
    assert text == TEXT + "\n" + TEXT.replace("run close_ticket", "run close_ticket (part 2)", 1)
    assert len(tree([*close_ticket(), *close_ticket()], RUN_ID)) == 2
