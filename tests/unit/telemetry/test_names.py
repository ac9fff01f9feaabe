"""The pinned names against the conventions' own constants."""

import pytest

from orchestra.telemetry import instruments, names


def test_every_gen_ai_name_is_a_published_one() -> None:
    published = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    known = {value for name, value in vars(published).items() if name.startswith("GEN_AI_")}
    ours = {v for n, v in vars(names).items() if n.isupper() and isinstance(v, str) and v.startswith("gen_ai.")}
    assert len(ours) > 10
    events = {names.EVALUATION_RESULT, names.INFERENCE_DETAILS}
    proposed = {names.USAGE_CACHE_WRITE_INPUT_TOKENS, names.TOKEN_MODALITY, names.SKILL_NAME, names.SKILL_RESOURCE}
    transfers = {name for name in ours if name.startswith("gen_ai.transfer.")}
    assert ours - known - events - transfers == proposed


def test_the_published_instruments_are_published() -> None:
    published = pytest.importorskip("opentelemetry.semconv._incubating.metrics.gen_ai_metrics")
    known = {value for name, value in vars(published).items() if name.startswith("GEN_AI_")}
    assert {one.name for one in instruments.PUBLISHED} <= known
    assert not {one.name for one in instruments.LATEST} & {one.name for one in instruments.PUBLISHED}


def test_boundaries_are_those_of_the_conventions() -> None:
    seconds, tokens = instruments.OPERATION_DURATION.bounds, instruments.TOKEN_USAGE.bounds
    assert (seconds[:4], seconds[-1], len(seconds)) == ((0.01, 0.02, 0.04, 0.08), 81.92, 14)
    assert (tokens[:4], tokens[-1], len(tokens)) == ((1, 4, 16, 64), 67108864, 14)
    agent = instruments.AGENT_DURATION.bounds
    assert (agent[:3], agent[-1], len(agent)) == ((0.1, 0.2, 0.4), 409.6, 13)
    assert instruments.AGENT_TOOL_CALLS.bounds == (1, 2, 4, 8, 16, 32, 64, 128)
    for one in (*instruments.PUBLISHED, *instruments.LATEST):
        assert list(one.bounds) == sorted(set(one.bounds))
        assert bool(one.bounds) == (".usage." not in one.name or one is instruments.TOKEN_USAGE)


def test_names_are_pinned_once() -> None:
    values = [v for n, v in vars(names).items() if n.isupper() and isinstance(v, str)]
    assert len(values) == len(set(values))
