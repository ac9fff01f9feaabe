"""The pinned names against the conventions' own constants."""

import pytest

from orchestra.telemetry import names


def test_every_gen_ai_name_is_a_published_one() -> None:
    published = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    known = {value for name, value in vars(published).items() if name.startswith("GEN_AI_")}
    ours = {v for n, v in vars(names).items() if n.isupper() and isinstance(v, str) and v.startswith("gen_ai.")}
    assert len(ours) > 10
    assert ours <= known


def test_names_are_pinned_once() -> None:
    values = [v for n, v in vars(names).items() if n.isupper() and isinstance(v, str)]
    assert len(values) == len(set(values))
