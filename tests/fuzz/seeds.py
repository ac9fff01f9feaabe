"""Where the fuzzer begins: the shipped files, well-formed answers of both vendors, and what is nasty by hand."""

from __future__ import annotations

import json
from typing import Any

from orchestra.agents.bundled import bundled_root
from tests.fuzz.oracle import SEPARATOR

HEAD = "---\ndescription: Does it.\n---\n"
TASK = '"Where is order A-17? {{ 7 * 7 }} {% raw %}"'
PROMPTS = (
    "{{ task.text }}",
    "{{ task.__class__.__mro__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ cycler.__init__.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{{ 'a' * 999999999 }}",
    "{{ 9 ** 999999999 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ 'a'.center(999999999) }}",
    "{{ 'a'|center(999999999) }}",
    "{{ [1]|batch(99999999, 1)|list }}",
    "{{ ''.join(range(9999)|map('string')) * 9999 }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "{% set n = namespace(s='aa') %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}",
    "{% set n = namespace(s=9) %}{% for i in range(40) %}{% set n.s = n.s * n.s %}{% endfor %}{{ n.s }}",
    "{% set n = namespace(s=['a']) %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ " + "(" * 500 + ")" * 500 + " }}",
    "{{ task.input|tojson }}",
    "{% for x in task.text recursive %}{{ loop(task.text) }}{% endfor %}",
    "{{ task.text|urlize|wordwrap(1) }}",
    "{% set n = namespace(s='aa') %}{% for i in range(40) %}{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}",
    "{{ '{:{w}}'.format(1, w='999999999') }}",
    "{{ '%*d'|format(999999999, 1) }}",
    "{{ '%999999999d'|format(1) }}",
)
MATTER = (
    "description: &a [x]\nname: *a",
    "description: !!python/object/apply:os.system [id]",
    "a: " + "[" * 3000,
    "description: x\ndescription: y",
    "? [a]\n: b",
    "description: x\nskills: [near]",
    "description: x\nskills: [./leak]",
    "description: x\nskills: [../../outside/skill]",
    "description: x\nskills: [/etc]",
    "description: x\ncost_usd: 1e999",
    "description: x\nmax_tokens: 99999999999999999999999",
    'description: "\\ud800"',
    'description: x\nname: "\\ud800"',
    "description: x\noutput: {answer: str, 'a b': 'list[int]', __class__: int}",
    "description: x\nmodel: [a, b]",
    "description: 2026-13-45",
    "description: x\ntimeout_s: .nan",
    'description: x\n"\\ud800": 1',
    "description: 1:2:3:4",
    'description: x\nskills: ["\\0"]',
    'description: x\ncost_usd: "\\ud800"',
    "description: x\ntemperature: .inf",
)
TREES = (
    "skill a\nskill b/c\nlink d out\nlink e self\nlink f root",
    "link a secret\nfile first/x\nlink first/y secret",
    "link first/references out\nfile first/scripts/run.py",
    "link x up\nlink x/y up\nskill x/z",
    "dir a\nlink a/SKILL.md md",
    "link first/z/secret secret\nlink first/q gone",
)
ASKED = "references/details.md\n../../outside/secret.txt\n/etc/passwd\ny\nreferences/secret.txt\nSKILL.md\nz/secret\nx"
SHAPES = (
    "kind: hybrid\nmembers: [{capability: a, after: [b]}, {capability: b, after: [a]}]",
    "kind: parallel\njoin: vote\nmembers: [a, a, a]",
    "kind: parallel\non_failure: 99\nmembers: [a]",
    "kind: parallel\njoin: merge\nby: b\non_failure: continue\nmembers: [a, {agent: c, name: d}]",
    "kind: parallel\njoin: first\non_failure: 1\nmembers: [a, b]",
    "kind: parallel\njoin: refine\nby: a\nmembers: [a, b]",
    "kind: hierarchical\nlead: a\nreport: b\nmembers: [{capability: c, name: d, task: e, after: [f]}, {agent: f}]",
    "kind: sequential\nmembers: [{topology: {kind: parallel, members: [a, '*']}, name: x}, b]",
    "kind: sequential\nmembers:\n"
    + "".join(
        f"{'  ' * i}- topology:\n{'  ' * i}    kind: sequential\n{'  ' * i}    members:\n" for i in range(0, 24, 3)
    )
    + " " * 52
    + "- a",
    "kind: parallel\njoin: compose\nby: {capability: b, after: [a]}\nmembers: [a]",
    'kind: "\\ud800"\nmembers: [a]',
    'kind: sequential\nmembers: ["\\ud800", {capability: "a", name: "\\u202e"}]',
    "kind: sequential\nmembers: []",
    "kind: parallel\non_failure: -1\nmembers: [a]",
    "kind: hybrid\nmembers: [" + "a, " * 1500 + "]",
)
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("plain", {"a": 1, "b": 2.5, "c": True, "d": "x"}),
    ("one_text", {"text": "hi"}),
    ("whole", {"data": {"a": [1]}}),
    ("nested", {"rows": [{"id": 1, "values": {"a": 1.5}}], "grid": [[1]]}),
    ("untyped", {"value": {}, "other": []}),
    ("union", {"value": [{"x": 1, "tags": ["a"]}], "colour": 2}),
    ("literal", {"mode": 3, "where": "/etc/passwd"}),
    ("recursive", {"tree": {"name": "a", "children": [{"name": "b", "children": []}]}}),
    ("nothing", {}),
    ("strict", {"given": {"number": 1, "when": "2026-11-22T00:00:00Z", "text": "abc"}}),
    ("nobody", {"a": 1}),
    ("exact", {"money": "1.10", "at": "2026-11-22", "wait": "PT1S", "who": "12345678123456781234567812345678"}),
    ("collections", {"pair": [1, "a"], "names": ["b"], "raw": "c", "seen": [1]}),
    ("limited", {"percent": 50, "items": [1, 2]}),
)
ODD = (
    "",
    "null",
    "[]",
    '"x"',
    "{",
    '{"a":',
    '{"a": NaN}',
    '{"a": 1e999}',
    '{"a": ' + "9" * 5000 + "}",
    '{"a": "\\ud800"}',
    '{"\\ud800": 1}',
    '{"text": "\\ud800"}',
    '{"a": 1, "a": 2}',
    "[" * 5000,
    '{"a":' * 5000,
    '{"value": "\\u0000"}',
    '{"tree": ' + '{"name": "a", "children": [' * 400 + "]}" * 400 + "}",
    '```json\n{"value": 1}\n```',
    '{"self": 1}',
    '{"money": "NaN", "at": "9999-99-99", "wait": "P99999999999D", "who": "x"}',
    '{"value": 1e400}',
    '{"where": "\\u0000"}',
    '{"money": "1e999999999", "at": "2026-11-22", "wait": 1e300, "who": "12345678123456781234567812345678"}',
)
ROWS: tuple[tuple[str, Any, Any], ...] = (
    ("RunStarted", {"name": "a", "source": "m:f", "seed": 1, "budget": {}}, ["x"]),
    ("CallStarted", {"kind": "agent", "name": "a"}, {"task": "x"}),
    (
        "CallEnded",
        {
            "kind": "tool",
            "name": "a",
            "outcome": {"status": "done", "usage": {"requests": 1}},
            "usage": {"requests": 1},
            "began": 1.0,
        },
        "text",
    ),
    (
        "CallEnded",
        {
            "kind": "tool",
            "name": "a",
            "outcome": {
                "status": "failed",
                "cause": {"kind": "BadInput", "message": "m", "family": ["BadInput"]},
                "origin": "run/a",
            },
            "usage": {},
            "began": 1.0,
        },
        None,
    ),
    (
        "CallEnded",
        {"kind": "tool", "name": "a", "outcome": {"status": "paused", "asks": [["k", "q"]]}, "usage": {}, "began": 1.0},
        None,
    ),
    ("Charged", {"usage": {"input_tokens": 1}}, None),
    (
        "Decided",
        {
            "decision": {
                "key": "k",
                "capability": "c",
                "policy": "p",
                "version": 1,
                "options": [["a"]],
                "chosen": ["a"],
                "probability": 1.0,
            }
        },
        "because",
    ),
    ("Filed", {"origin": "a", "how": "escalated", "to": "caller", "cause": {"kind": "K", "message": "m"}}, None),
    ("Overrun", {"by": [1]}, None),
    ("RunEnded", {"status": "done", "usage": {}}, "x"),
    ("os.system", {}, None),
)
TOMLS = (
    '[app]\nteam = "shop.team:team"\n',
    "app = 1",
    "[app]\nteam = 1",
    "a = " + "[" * 3000,
    "[app",
    "\ufeff[app]",
    "a = 99999-99-99",
    "[a." + "b." * 2000 + "c]",
    "a = " + "9" * 5000,
    "a = " + "{a=" * 3000,
)


def _openai(text: Any = "Hello.", calls: Any = None, **rest: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    return {"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage, **rest}


def _chunk(delta: Any, reason: Any = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "plain", "arguments": '{"a": 1}'}}
ANTHROPIC = {
    "type": "message",
    "model": "m",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 2},
}
USES = {"type": "tool_use", "id": "t", "name": "plain", "input": {"a": 1}}
MESSAGE_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 7, "cache_read_input_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo."}},
    {"type": "content_block_start", "index": 1, "content_block": USES | {"input": {}}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)


def _answer(words: str, body: Any, status: int = 200, headers: str = "content-type: application/json") -> bytes:
    content = body if isinstance(body, str) else json.dumps(body)
    return f"{words}\nHTTP/1.1 {status}\n{headers}\n\n{content}".encode("utf-8", "surrogatepass")


def _events(words: str, events: list[Any], named: bool = False) -> bytes:
    lines = [
        f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" if named else f"data: {json.dumps(one)}\n\n"
        for one in events
    ]
    end = "" if named else "data: [DONE]\n\n"
    whole = _answer(words, "".join(lines) + end, headers="content-type: text/event-stream")
    return whole[: len(whole) // 2] + SEPARATOR + whole[len(whole) // 2 :]


def _replies() -> list[bytes]:
    pieces = [
        _chunk({"content": "Hel"}),
        _chunk({"content": "lo."}),
        _chunk({"tool_calls": [CALL]}),
        _chunk({}, "tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
    ]
    wrapped = [_chunk({"content": '{"answ'}), _chunk({"content": 'er": "a\\u00e9'}), _chunk({"content": '"}'}, "stop")]
    found = [
        _answer("openai", _openai()),
        _answer("openai hosted schema", _openai('{"number": 1}')),
        _answer("openai tools", _openai(None, [CALL])),
        _answer("openai hosted number", _openai('{"value": 3}')),
        _answer("openai constrained tools", _openai('{"tool": "plain", "arguments": {"a": 1}}')),
        _answer("openai constrained tools", _openai('{"answer": "yes"}')),
        _answer("openai", _openai("\ud800")),
        _answer("openai", "KEY"),
        _answer("openai", {"said": "KEY"}),
        _answer("openai stream", {"said": "KEY"}),
        _answer("openai", _openai("KEY")),
        _answer("anthropic", {"said": "KEY"}),
        _events("openai stream tools", pieces),
        _events("openai stream constrained tools", wrapped),
        _events("openai stream", [_chunk({"content": "KEY"}, "stop")]),
        _events("openai stream", [{"error": "KEY"}]),
        _answer("anthropic", ANTHROPIC),
        _answer("anthropic tools schema", ANTHROPIC | {"content": [USES]}),
        _events("anthropic stream tools", list(MESSAGE_EVENTS), named=True),
        _answer("anthropic stream", ANTHROPIC),
        _events("anthropic stream", [{"type": "error", "error": {"type": "overloaded_error", "message": "KEY"}}], True),
        _answer("openai", "x", 200, "content-encoding: gzip"),
        _answer("openai", "x", 200, "content-encoding: deflate, br"),
        _answer("openai stream", "data: x", 200, "content-type: text/event-stream\ncontent-encoding: gzip"),
        b"openai\nHTTP/1.1 302\nlocation: https://elsewhere.example/x\n\n\n%%%%\nHTTP/1.1 200\n\n{}",
        b"anthropic\nHTTP/1.1 307\nlocation: https://elsewhere.example/x\n\n\n%%%%\nHTTP/1.1 200\n\n{}",
        b"openai\nHTTP/1.1 307\nlocation: file:///etc/passwd\n\n",
        b"openai\nHTTP/1.1 302\nlocation: /v1/again\n\n",
        b"openai\nHTTP/1.1 302\nlocation: http://[\n\n",
        b"openai\nHTTP/1.1 200\nno end",
    ]
    return [*found, *_refusals()]


def _refusals() -> list[bytes]:
    """Strange charsets, and errors of every status."""
    found: list[bytes] = []
    for charset in ("hex", "zlib", "idna", "utf-16", "undefined", "rot13", "unicode_escape", "\x00", "mbcs"):
        found.append(_answer("openai", _openai(), 200, f"content-type: application/json; charset={charset}"))
    for status, kind in (
        (400, "context_length_exceeded"),
        (401, "x"),
        (402, "x"),
        (408, "x"),
        (413, "x"),
        (418, "x"),
        (429, "insufficient_quota"),
        (500, "KEY"),
        (529, "overloaded_error"),
        (204, ""),
        (304, ""),
    ):
        error = {"error": {"type": kind, "code": kind, "message": "KEY is wrong"}}
        found += [
            _answer(f"{vendor} stream", error, status, "retry-after: 1e400\nretry-after-ms: nan\ndate: x")
            for vendor in ("openai", "anthropic")
        ]
    return found


def _joined(*texts: str) -> bytes:
    return SEPARATOR.join(one.encode("utf-8", "surrogatepass") for one in texts)


def seeds() -> dict[str, list[bytes]]:
    """The seeds of every target."""
    agents = [path.read_text() for path in sorted(bundled_root("agents").glob("*.md"))]
    agents += [HEAD + prompt for prompt in PROMPTS] + [f"---\n{one}\n---\nDo {{{{ task.text }}}}.\n" for one in MATTER]
    skills = [path.read_text() for path in sorted(bundled_root("skills").glob("*/SKILL.md"))]
    skills += [f"---\nname: first\n{one}\n---\nDo it.\n" for one in MATTER]
    shapes = [path.read_text() for path in sorted(bundled_root("topologies").glob("*.yaml"))] + list(SHAPES)
    shapes += [f"kind: sequential\nmembers: [a]\n{one}" for one in MATTER]
    tools = [_joined(name, json.dumps(given), "plain {}\nnobody {}") for name, given in CALLS]
    tools += [_joined("", one, f"whole {one}\nuntyped {one}") for one in ODD]
    tools += [
        _joined(name, one, "") for one in ODD[6:] for name in ("one_text", "untyped", "union", "exact", "recursive")
    ]
    rows = [_joined(TOMLS[0], kind, json.dumps(facts), json.dumps(held) if held else "") for kind, facts, held in ROWS]
    rows += [_joined(one, "CallEnded", "[" * 3000, "") for one in TOMLS] + [
        _joined("", "Charged", one, "") for one in ODD
    ]
    rows += [_joined("", "CallStarted", '{"kind": "a", "name": "a"}', one) for one in ODD]
    return {
        "agents": [_joined(one, TASK if i % 2 else '{"a": [1]}', "yes") for i, one in enumerate(agents)]
        + [
            _joined(agents[0], one, "") for one in ("../../outside/agent.md", "leak.md", "/etc/passwd", "\0", "x" * 300)
        ],
        "skills": [_joined(one, TREES[i % len(TREES)], ASKED) for i, one in enumerate(skills)],
        "topologies": [_joined(one, "Do it.", chr(i % 128) + chr(100)) for i, one in enumerate(shapes)],
        "tools": tools,
        "replies": _replies(),
        "rows": rows,
    }
