"""Prompts that try to get out, to run for ever, or to fill the memory: refused, and soon."""

from __future__ import annotations

import pytest

from orchestra.agents.prompt import MAX_STEPS, render
from orchestra.core.errors import BadDefinition
from orchestra.core.task import Task

A, B = "('a' * 900000)", "('b' * 900000)"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(1000000000) %}{% endfor %}",
        "{% for i in range(999) %}{% for j in range(999) %}{% endfor %}{% endfor %}",
        "{% for i in range(9) recursive %}{% if loop.depth < 15 %}{{ loop(range(9)) }}{% endif %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        f"{{{{ {A} | replace('a', {B}) }}}}",
        f"{{{{ {A}.replace('a', {B}) }}}}",
        f"{{{{ {A}.translate({{97: {B}}}) }}}}",
        f"{{{{ ([{A}] * 900000) | join }}}}",
        f"{{{{ (['a'] * 900000) | join({B}) }}}}",
        f"{{{{ {B}.join(['a'] * 900000) }}}}",
        "{{ ('a\n' * 400000) | indent(900000) }}",
        "{{ ('\t' * 900000).expandtabs(900000) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ range(9) | slice(1000000000) | list }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{% set n = namespace(s='a' * 999) %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(s=9) %}{% for i in range(40) %}{% set n.s = n.s * n.s %}{% endfor %}",
        f"{{% set x %}}{{% for i in range(9000) %}}{{{{ {A} }}}}{{% endfor %}}{{% endset %}}",
    ],
)
def test_what_would_not_end_or_not_fit_is_refused(template: str) -> None:
    with pytest.raises(BadDefinition, match="not allowed"):  # and not: a MemoryError
        render(template, task=Task(text="t"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ task['__class__'] }}",
        "{{ task.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ self._TemplateReference__context }}",
        "{{ range.__globals__ }}",
        "{{ (task | attr('__init__')).__globals__ }}",
        "{{ task | map(attribute='__class__') | list }}",
        "{% import 'os' as os %}",
        "{% extends '/etc/passwd' %}",
        "{% include '/etc/passwd' %}",
        "{{ task.text.__add__('x') }}",
    ],
)
def test_nothing_leads_out(template: str) -> None:
    with pytest.raises(BadDefinition) as caught:
        render(template, task=Task(text="t"))
    assert "root:" not in str(caught.value) and "<class" not in str(caught.value)


def test_what_prompts_need_still_works() -> None:
    template = (
        "{% for one in task.input %}{{ loop.index }}/{{ loop.length }} {{ one | replace('a', 'b') }} {% endfor %}"
    )
    assert render(template, task=Task(text="", input=["a", "ca"])) == "1/2 b 2/2 cb "
    text = "word " * 20_000
    assert render("{{ task.text | truncate(9) }}", task=Task(text=text)) == "word..."
    assert render("{{ task.text | indent(4) }}{{ ', '.join(['a', 'b']) }}", task=Task(text="x\ny")) == "x\n    ya, b"
    many = "{% for i in task.input %}{% endfor %}fine"
    assert render(many, task=Task(text="", input=list(range(MAX_STEPS)))) == "fine"
