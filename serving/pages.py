"""Pages for people: French, drawn on the server, no script and nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from features.scoring import Scorer
from features.versions import CardFeature, Entry
from serving import french
from serving.documents.render import TEMPLATES
from serving.explanations import Explanation
from serving.families import family_label
from serving.waterfall import waterfall_svg

ROWS_A_PAGE = 20
KINDS = {"number": "nombre", "flag": "oui ou non (1 ou 0)", "category": "modalité"}
DIRECTIONS = {1: "croissante", -1: "décroissante", 0: "libre"}
PAGES = Environment(
    loader=FileSystemLoader([Path(__file__).parent / "templates", TEMPLATES]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}
PAGES.filters |= {
    "day": french.day,
    "plain": french.plain,
    "euros": french.euros,
    "family": family_label,
    "unit": french.unit,
}


class Period(NamedTuple):
    """A promotion and the last day on which it holds; None while no later one is known."""

    entry: Entry
    until: date | None


def periods(entries: Sequence[Entry], model: str) -> list[Period]:
    """What was in force for a model, oldest first: of two decisions for one day, the later holds."""
    held = sorted({entry.from_date: entry for entry in entries if entry.model == model}.items())
    ends = [start - timedelta(days=1) for start, _ in held[1:]]
    return [Period(entry, until) for (_, entry), until in zip(held, [*ends, None], strict=False)]


def home_page(models: dict[str, list[int]], entries: Sequence[Entry], *, on: date | None) -> str:
    """The models, what is or was in force, and on the day `on` when one is asked."""
    shown = {model: _on_day(periods(entries, model), on) for model in models}
    return _page("home.html", models=models, periods=shown, on=on)


def model_page(model: str, versions: list[int], entries: Sequence[Entry]) -> str:
    """One model: its versions and every decision about it, as they were taken."""
    decisions = [entry for entry in entries if entry.model == model]
    return _page("model.html", model=model, versions=versions, periods=periods(entries, model), decisions=decisions)


def card_page(scorer: Scorer, entries: Sequence[Entry]) -> str:
    """The card of a version: what it predicts, how it was trained, what it takes."""
    card = scorer.card
    held = [p for p in periods(entries, card.model) if p.entry.version == card.version]
    features = [(feature, KINDS.get(feature.kind, feature.kind), _takes(feature)) for feature in card.features]
    return _page("card.html", card=card, hash=scorer.hash, periods=held, features=features, directions=DIRECTIONS)


def explanation_page(scorer: Scorer, explained: Sequence[Explanation]) -> str:
    """Explanations of a few rows: a drawing by feature, the euros by family, every contribution."""
    drawn = [(one, _drawing(one, scorer.card.unit)) for one in explained]
    return _page("explanation.html", card=scorer.card, hash=scorer.hash, explained=drawn)


def _drawing(explanation: Explanation, unit: str) -> Markup:
    svg = waterfall_svg(explanation, unit=unit)
    # The drawing escapes every text that it is given.
    return Markup(svg)  # nosec B704


def docs_page(document: dict[str, Any]) -> str:
    """The OpenAPI document as a page."""
    return _page("docs.html", document=document)


def error_page(status: int, message: str) -> str:
    """A refusal, for a reader."""
    return _page("error.html", status=status, message=message)


def _page(template: str, **values: Any) -> str:
    return french.typeset(PAGES.get_template(template).render(**values))


def _on_day(held: list[Period], on: date | None) -> list[Period]:
    if on is None:
        return held
    return [p for p in held if p.entry.from_date <= on and (p.until is None or on <= p.until)]


def _takes(feature: CardFeature) -> str:
    """What values a feature takes, in French."""
    if feature.kind == "category":
        taken = ", ".join(feature.categories)
    elif feature.kind == "flag":
        taken = "0 ou 1"
    else:
        low = "" if feature.low is None else f"de {french.plain(feature.low)} "
        high = "" if feature.high is None else f"à {french.plain(feature.high)}"
        taken = f"{low}{high}".strip() or "tout nombre"
    return f"{taken}, ou manquant" if feature.nullable else taken
