"""Prompts are strict and sandboxed."""

import subprocess
import sys
from typing import Any

import pytest

from orchestra.agents.prompt import MAX_CHARACTERS, MAX_RANGE, check, render
from orchestra.core.errors import BadDefinition
from orchestra.core.task import Task, task_of


@pytest.mark.parametrize(
    ("template", "names", "text"),
    [
        ("Plain { text } 100 % {", {}, "Plain { text } 100 % {"),
        ("Answer {{ task.text }}\n", {"task": Task(text="why?")}, "Answer why?\n"),
        ("{{ task.input.n + 1 }}", {"task": task_of({"n": 1})}, "2"),
        ("{% for x in xs if x %}{{ loop.index }}{{ x }}{% endfor %}", {"xs": ["a", "", "b"]}, "1a2b"),
        ("{{ a is defined }} {{ b|default('none') }}", {}, "False none"),
        ("{{ text }}", {"text": "{{ secret }} <b>"}, "{{ secret }} <b>"),
        ("{% for i in range(3) %}{{ '=' * i }}{% endfor %}", {}, "==="),
    ],
)
def test_names_are_filled_in(template: str, names: dict[str, Any], text: str) -> None:
    assert render(template, **names) == text


def test_an_undefined_name_is_named_with_what_there_is() -> None:
    with pytest.raises(BadDefinition, match=r"'user' is undefined\. A prompt may use task, team\."):
        render("For {{ user }}", task=1, team=2)
    with pytest.raises(BadDefinition, match="no attribute 'words'"):
        render("{{ task.words }}", task=Task(text="t"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ task.__init__.__globals__ }}",
        "{{ names.append(1) }}",
        "{{ '{0.__class__}'.format(task) }}",
        "{{ task|attr('__class__') }}",
        f"{{% for i in range({MAX_RANGE + 1}) %}}{{% endfor %}}",
        f"{{{{ 'a' * {MAX_CHARACTERS + 1} }}}}",
        f"{{{{ {MAX_CHARACTERS + 1} * [1] }}}}",
        "{{ 9 ** 9 ** 9 }}",
    ],
)
def test_what_the_sandbox_forbids_is_refused(template: str) -> None:
    with pytest.raises(BadDefinition, match=r"does what is not allowed|is undefined"):
        render(template, task=Task(text="t"), names=[])


def test_the_output_is_limited() -> None:
    with pytest.raises(BadDefinition, match="grew over 1000000"):
        render("{% for i in range(2000) %}{{ text }}{% endfor %}", text="a" * 1000)


@pytest.mark.parametrize("template", ["{{ 1 / 0 }}", "{% include 'other' %}", "{{ none + 1 }}", "{{ task() }}"])
def test_whatever_fails_is_a_bad_definition(template: str) -> None:
    with pytest.raises(BadDefinition, match="failed: "):
        render(template, task=Task(text="t"))


@pytest.mark.parametrize("template", ["{{ task", "{% if %}", "{% nothing %}", "{{ 1|nothing }}", "{{" + "(" * 5000])
def test_broken_syntax_is_known_before_the_run(template: str) -> None:
    with pytest.raises(BadDefinition, match="The prompt '"):
        check(template)


def test_unknown_names_are_known_before_the_run() -> None:
    check("{% set x = 1 %}{{ x }}{{ task.text }}{{ range(2) }}", frozenset({"task"}))
    check("{{ anything }}")
    check("plain", frozenset())
    with pytest.raises(BadDefinition, match=r"a, b is undefined\. A prompt may use task\."):
        check("{{ b }}{{ a }}{{ task }}", frozenset({"task"}))


def test_plain_text_needs_no_template_engine() -> None:
    code = (
        "import sys; from orchestra.agents.prompt import check, render\n"
        "check('plain'); assert render('plain', task=1) == 'plain'; print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ task|string }} {{ '%d'|format(task) }} {{ '{}'.format(task) }}", "123456789 123456789 123456789"),
        ("{% macro show(n) %}<{{ n }}>{% endmacro %}{{ show(task) }} {{ none|default(task) }}", "<123456789> None"),
        ("{{ '%s of %05.1f'|format(1, 2) }} {{ 'a'|center(5) }}|{{ task + 1 }} {{ 'a' ~ task }}", None),
        ("{% for a in 'ab' %}{{ loop.index }}/{{ loop.length }}{{ a }} {% else %}none{% endfor %}", "1/2a 2/2b "),
        ("{% for a in [] %}{{ a }}{% else %}none{% endfor %}", "none"),
    ],
)
def test_limits_do_not_meet_ordinary_prompts(template: str, text: str | None) -> None:
    found = render(template, task=123456789)
    assert found == text or (text is None and found == "1 of 002.0   a  |123456790 a123456789")


@pytest.mark.parametrize(
    "template",
    [
        "{{ '%9999999d' % 1 }}",
        "{{ '%9999999d'|format(1) }}",
        "{{ '%*d'|format(9999999, 1) }}",
        "{{ '{:9999999}'.format(1) }}",
        "{{ '{:{w}}'.format(1, w='9999999') }}",
        "{{ 'a'.center(9999999) }}",
        "{{ 'a'|center(9999999) }}",
        "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(30) }}",
        "{% set n = namespace(s='ab') %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(s='a') %}{% for i in range(40) %}{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}",
        "{% set n = namespace(s='ab') %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% set n = namespace(s=9) %}{% for i in range(40) %}{% set n.s = n.s * n.s %}{% endfor %}",
    ],
)
def test_what_makes_much_of_little_is_refused(template: str) -> None:
    with pytest.raises(BadDefinition, match="not allowed"):
        render(template)
