"""The demo of episodes: a second country where surgery is frequent, its models, the year paid to establishments.

A country of 50,000 has ninety hips a year, too few to learn a price from; here people are operated on twenty times as
often, and nothing else differs. Index stays of the first year train, those of the second test and are paid, the last
year closes the windows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forfait.console import Step
from schemes.labels import label

if TYPE_CHECKING:
    from forfait.demo import Made
    from schemes.amounts import Payment

YEARS = range(2021, 2025)
TRAINED, PAID = 2022, 2023
SURGERY = 20.0
PERSONS_SHARE, FEWEST_PERSONS = 0.4, 10_000
DECIDED_ON = date(2024, 10, 31)
BY = "the demo"
MODELS_FR = {
    "lightgbm": "R² LightGBM", "glm_gamma": "R² GLM gamma", "mean": "R² moyenne", "oracle": "R² oracle",
}  # fmt: skip
STEPS_FR = {
    "price": "Forfaits", "observed": "Observé", "cap": "Plafond", "low_volume": "Faible volume",
    "shrinkage": "Part retenue", "significance": "Non significatif", "quality": "Qualité", "limit": "Limite",
    "quality_envelope": "Enveloppe", "care_paid": "Actes remplacés",
}  # fmt: skip


def episode_steps(made: Made, patients: int, seed: int, today: date) -> list[tuple[str, str, Callable[[Step], None]]]:
    """Steps of the demo from claims to the statements of establishments: name, where it lies, what to run."""
    data = country(made)
    persons = max(int(patients * PERSONS_SHARE), FEWEST_PERSONS)
    return [
        ("synth, surgery × 20", f"{data}/snds", lambda step: _synth(made, persons, seed, step)),
        (f"read {YEARS[0]}–{YEARS[-1]}", f"{data}/care_lines, …", lambda step: _read(data, step)),
        (f"episodes {TRAINED}–{PAID}", f"{data}/episodes, …", lambda step: _episodes(data, step)),
        ("train eds_*", str(made.versions), lambda step: _models(made, seed, today, step)),
        (f"pay eds {PAID}", f"{data}/payments", lambda _: _pay(made)),
        ("statement eds", f"{data}/statements", lambda step: _statements(made, step)),
    ]


def country(made: Made) -> Path:
    """Data folder of the country of episodes."""
    return made.folder / "episodes"


def _synth(made: Made, persons: int, seed: int, step: Step) -> None:
    from features.synth import synthesise

    synthesise(country(made), patients=persons, years=YEARS, seed=seed, surgery=SURGERY, progress=step)


def _read(data: Path, step: Step) -> None:
    from features.engine import connect
    from features.snds.read import read_snds
    from forfait.demo import MEMORY_GIB

    for year in YEARS:
        step(str(year))
        read_snds(connect("duckdb", memory_gib=MEMORY_GIB), data / "snds", data, year)


def _episodes(data: Path, step: Step) -> None:
    from features.engine import connect
    from features.episodes import EDS, build_episodes
    from forfait.demo import MEMORY_GIB
    from forfait.episodes_pictures import write_flow_charts
    from forfait.episodes_view import flow_of

    build_episodes(connect("duckdb", memory_gib=MEMORY_GIB), data, [TRAINED, PAID], progress=step)
    write_flow_charts(flow_of(data, [TRAINED, PAID]), data / "flow_charts", EDS, years=[TRAINED, PAID], language="fr")


def _models(made: Made, seed: int, today: date, step: Step) -> None:
    """The models of the programmes: fitted on one year, tested on the next, in force for it, its episodes scored."""
    from features.episodes import EDS
    from training.episodes import explain_episodes, predict_episodes, train_episodes
    from training.oracle import episode_oracle
    from training.registry import promote

    data, found = country(made), []
    for programme in EDS:
        step(programme)
        model = f"eds_{programme}"
        result = train_episodes(data, model, PAID, root=made.versions, seed=seed)
        fit, _ = episode_oracle(data, result)
        found.append(fit.assign(programme=programme, episodes=len(result.tested)))
        promote(made.versions, model, 1, from_date=date(PAID, 1, 1), decided_on=today, by=BY, why="to show the line")
        predict_episodes(data, made.versions, model, 1, PAID)
        explain_episodes(data, made.versions, model, 1, PAID)
    made.frames["episode_models"] = pd.concat(found, ignore_index=True)


def _pay(made: Made) -> None:
    from features.engine import connect
    from forfait.demo import MEMORY_GIB
    from forfait.paying.pay import Asked, pay_scheme
    from forfait.paying.settle import record
    from forfait.paying.sources import sources_in

    data = country(made)
    sources = sources_in(connect("duckdb", memory_gib=MEMORY_GIB), data, made.versions)
    done = pay_scheme(sources, Asked("eds", PAID, "final", DECIDED_ON, BY))
    record(data / "payments", done, decided_on=DECIDED_ON, by=BY)
    made.frames["episodes_paid"] = _paid(done.payment)


def _paid(payment: Payment) -> pd.DataFrame:
    """Establishment, components of its result in euros, what it is due."""
    found = []
    for amount in payment.amounts:
        parts = {part.name: part.amount_cents / 100 for part in amount.components}
        found.append({"structure_id": amount.structure_id, **parts, "due": amount.total_cents / 100})
    return pd.DataFrame(found)


def _statements(made: Made, step: Step) -> None:
    from forfait.paying.statements import write_statements

    data = country(made)
    paid = made.frames["episodes_paid"]
    for structure in paid["structure_id"].head(1):
        made.statements += write_statements(
            data,
            "eds",
            PAID,
            kind="final",
            structure=structure,
            language="fr",
            folder=data / "statements",
            progress=step,
        )


def models_table(made: Made) -> pd.DataFrame:
    """What the page shows of the models: programme, episodes tested, R² of each, of the oracle last."""
    fit = made.frames["episode_models"]
    fit = fit.assign(programme=fit["programme"].map(lambda name: label("eds", name)))
    wide = fit.pivot_table(index=["programme", "episodes"], columns="model", values="r2", sort=False).reset_index()
    return wide.rename(columns={"programme": "Programme", "episodes": "Épisodes testés", **MODELS_FR})


def paid_table(made: Made) -> pd.DataFrame:
    """What the page shows of the establishments: each step of the result that counts for one of them, in euros."""
    frame = made.frames["episodes_paid"].fillna(0.0)
    frame = frame.loc[:, [name not in STEPS_FR or frame[name].any() for name in frame.columns]]
    return frame.rename(columns={"structure_id": "Établissement", "due": "Dû", **STEPS_FR})


def flow_charts(made: Made) -> list[str]:
    """Drawings of who is in and why not, as SVG; the first programme alone, the others are files."""
    found = sorted((country(made) / "flow_charts").glob("pth-*.svg"))
    return [text[text.index("<svg") :] for text in (path.read_text(encoding="utf-8") for path in found)]
