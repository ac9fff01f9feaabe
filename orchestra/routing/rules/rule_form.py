"""The form of a file of rules. It needs pydantic, so it is imported when a file is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from orchestra.core.errors import BadDefinition, ConfigError
from orchestra.routing.registry import router
from orchestra.routing.rules.rules import Formula, Rule, Rules, Through, Use, formula, use_of
from orchestra.routing.rules.selectors import BestOf, CheapestOf, MultiFactor
from orchestra.routing.rules.signals import Complexity, Keyword, Language, Length, Metadata, Signal, Similar, Structure

T = TypeVar("T")
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1)]
Number = Annotated[float, Field(strict=False)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self, *left_out: str) -> dict[str, Any]:
        """The fields that are written, lists as tuples."""
        said = {name: getattr(self, name) for name in self.model_fields_set if name not in ("kind", *left_out)}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


class KeywordForm(Form):
    kind: Literal["keyword"]
    patterns: Texts
    join: Literal["or", "and", "nor"] = "or"
    method: Literal["regex", "bm25", "trigram"] = "regex"
    threshold: Number | None = None


class LengthForm(Form):
    kind: Literal["length"]
    low: Number = 0
    high: Number | None = None
    unit: Literal["tokens", "words", "characters"] = "tokens"


class StructureForm(Form):
    kind: Literal["structure"]
    patterns: Texts
    feature: Literal["count", "exists", "density", "sequence"] = "exists"
    gte: Number = 1
    lte: Number | None = None


class LanguageForm(Form):
    kind: Literal["language"]
    languages: Texts


class SimilarForm(Form):
    kind: Literal["similar"]
    exemplars: Texts
    threshold: Number = 0.3


class ComplexityForm(Form):
    kind: Literal["complexity"]
    hard: Texts
    easy: Texts
    level: Literal["hard", "medium", "easy"] = "hard"
    threshold: Number = 0.1


class MetadataForm(Form):
    kind: Literal["metadata"]
    key: Text
    values: list[str | int | float | bool] = []
    gte: Number | None = None
    lte: Number | None = None


AnySignal = Annotated[
    KeywordForm | LengthForm | StructureForm | LanguageForm | SimilarForm | ComplexityForm | MetadataForm,
    Field(discriminator="kind"),
]
KIND_TO_SIGNAL: dict[str, Any] = {
    "keyword": Keyword,
    "length": Length,
    "structure": Structure,
    "language": Language,
    "similar": Similar,
    "complexity": Complexity,
    "metadata": Metadata,
}


class CheapestForm(Form):
    kind: Literal["cheapest"]
    names: list[Text] = []


class BestForm(Form):
    kind: Literal["best"]
    names: list[Text] = []
    scores: dict[Text, Number] = {}


class MultiFactorForm(Form):
    kind: Literal["multi_factor"]
    names: list[Text] = []
    quality: Number = 0.25
    latency: Number = 0.25
    cost: Number = 0.25
    load: Number = 0.25
    max_latency_s: Number | None = None
    max_cost_usd: Number | None = None
    max_in_flight: int | None = None
    otherwise: Literal["cheapest", "first", "fail"] = "cheapest"


class RouterForm(Form):
    kind: Literal["router"]
    router: Text
    names: list[Text] = []


def _use_kind(value: Any) -> str:
    if isinstance(value, list):
        return "names"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return str(kind or "name")


AnyUse = Annotated[
    Annotated[Text, Tag("name")]
    | Annotated[Texts, Tag("names")]
    | Annotated[CheapestForm, Tag("cheapest")]
    | Annotated[BestForm, Tag("best")]
    | Annotated[MultiFactorForm, Tag("multi_factor")]
    | Annotated[RouterForm, Tag("router")],
    Discriminator(_use_kind),
]


class RuleForm(Form):
    name: Text
    when: Any
    use: AnyUse
    priority: Number = 0


class RulesForm(Form):
    signals: dict[Text, AnySignal] = {}
    rules: list[RuleForm] = []
    strategy: Literal["priority", "confidence"] = "priority"
    otherwise: AnyUse | None = None


def built(form: RulesForm, name: str) -> Rules:
    """The router of a form. Raises BadDefinition with ``at``, the way from the file's top to what is wrong."""
    learned: dict[str, Through] = {}
    signals = [_placed(("signals", key), partial(_signal, key, one)) for key, one in form.signals.items()]
    rules = []
    for place, one in enumerate(form.rules):
        when = _placed(("rules", place, "when"), partial(_known, one.when, form))
        use = _placed(("rules", place, "use"), partial(_use, one.use, learned))
        rules.append(Rule(one.name, when, use, float(one.priority)))
    otherwise = form.otherwise and _placed(("otherwise",), partial(_use, form.otherwise, learned))
    return _placed(("rules",), lambda: Rules(rules, signals, strategy=form.strategy, otherwise=otherwise, name=name))


def _placed(place: tuple[str | int, ...], build: Callable[[], T]) -> T:
    try:
        return build()
    except ConfigError as error:
        raise BadDefinition(error.what, remedy=error.fix, at=place) from None


def _known(given: Any, form: RulesForm) -> Formula:
    found = formula(given)
    if missing := next((name for name in found.names if name not in form.signals), None):
        raise BadDefinition(
            f"there is no signal {missing!r}; there are {', '.join(form.signals) or 'none'}",
            remedy="Declare it, or name one of these.",
        )
    return found


def _signal(name: str, form: Any) -> Signal:
    said = {key: value for key, value in form.given().items() if value is not None}
    signal: Signal = KIND_TO_SIGNAL[form.kind](name=name, **said)
    return signal


def _use(form: Any, learned: dict[str, Through]) -> Use:
    """A router that several rules name is one router."""
    if isinstance(form, CheapestForm):
        return CheapestOf(**form.given())
    if isinstance(form, BestForm):
        return BestOf(**form.given())
    if isinstance(form, MultiFactorForm):
        return MultiFactor(**form.given())
    if isinstance(form, RouterForm):
        known = learned.setdefault(form.router, Through(router(form.router)))
        return Through(known.router, tuple(form.names))
    return use_of(form)
