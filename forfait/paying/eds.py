"""The inputs of an EDS payment: the nation's episodes of the year, their expectations, the reference, quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

import schemes.eds
from features.engine import dataset_path
from features.episodes import EDS
from features.errors import InputError, MissingError
from features.participations import read_participations
from features.payer_files import refuse_unknown
from features.tables import EPISODE_PREDICTIONS, EPISODES
from features.versions import read_version
from forfait.paying.eds_quality import answers_of, quality_of
from forfait.paying.sources import Priced, Sources, participants, rows
from schemes.eds.frames import FRAMES
from schemes.eds.terms import phases, year_weights
from schemes.rulebook import Rules

FAMILY = ("eds",)
MODELS = {programme: f"eds_{programme}" for programme in EDS}
FINESS_LENGTH = 8
EXPECTED = ["episode_id", "model", "version", "expected_eur", "fold", "typical_eur", "avoidable_eur"]
SPEC = FRAMES["episodes"]
COSTS = [name for name in EPISODES.column_names if name.startswith("cost_")]
COLUMNS = list(dict.fromkeys([*SPEC.columns, *SPEC.may_have, *COSTS]))


@dataclass(frozen=True)
class Reading:
    """What the inputs are read with: sources, rules, versions by programme, last day whose care is known."""

    sources: Sources
    rules: Rules
    priced_by: Mapping[str, Priced]
    known_until: date


def programmes_taken(sources: Sources, year: int) -> set[str]:
    """Programmes in which an establishment takes part in the year: those it chose, all where it chose none."""
    chosen = participants(sources, FAMILY, year)["programmes"]
    named = {name.strip() for text in chosen.dropna() for name in text.split(",")}
    return set(MODELS) if chosen.isna().any() else named & set(MODELS)


def eds_inputs(reading: Reading, year: int) -> dict[str, pd.DataFrame]:
    """Frames of `schemes.eds.pay` for a year, with what the pages of establishments show beside it.

    The reference is the nation's, participants included: final and complete episodes of the years before, as many as
    the rules weigh, under expectations that never saw their own cost; the year itself measures the trend. A window
    that ends after `known_until` is not complete. Rule: EDS specification, price and reconciliation.
    Errors: MissingError naming the command to run; InputError for a phase that the rules do not have.
    """
    check_phases(reading)
    if not reading.sources.has(EPISODES, year):
        path = dataset_path(reading.sources.data, EPISODES.name, year)
        raise MissingError(f"{path} is missing: run forfait episodes --years {year - 1}..{year}")
    years = reference_years(reading, year)
    before, now = (of_years(reading, chosen) for chosen in (years, [year]))
    answered = answers_of(reading.sources.data / "answers.csv", now["episodes"], year=year)
    return {
        "participations": participants(reading.sources, FAMILY, year),
        **now,
        "reference": _reference(reading, before, now, year),
        "volumes": _volumes(before["episodes"]),
        "quality": quality_of(reading.sources, now["episodes"], answered, year=year, rules=reading.rules),
        "answers": answered,
    }


def check_phases(reading: Reading) -> None:
    """None where every phase chosen is one of the rules. Errors: InputError naming file, row and phases."""
    path = reading.sources.participations
    refuse_unknown(path, read_participations(path).fillna({"phase": ""}), "phase", list(phases(reading.rules)))


def reference_years(reading: Reading, year: int) -> list[int]:
    """Years before `year` whose episodes make the price, oldest first. Errors: MissingError where there is none."""
    weighed = range(year - len(year_weights(reading.rules)), year)
    found = [past for past in weighed if reading.sources.has(EPISODES, past)]
    if not found:
        raise MissingError(
            f"episodes of {year - 1} are missing, and the price of {year} is made from the years before: "
            f"run forfait episodes --years {year - 1}..{year}"
        )
    return found


def of_years(reading: Reading, years: list[int]) -> dict[str, pd.DataFrame]:
    """Final episodes of some years and their expectations."""
    stored = sorted({known for year in years for known in _stored(reading, year)})
    parts = [_final(reading, past) for past in stored]
    expected = [_expected(reading, past, part) for past, part in zip(stored, parts, strict=True)]
    episodes = pd.concat(parts, ignore_index=True)
    episodes = episodes[episodes[reading.rules.text("year_of")].dt.year.isin(years)].reset_index(drop=True)
    predictions = pd.concat(expected, ignore_index=True)
    own = predictions["episode_id"].isin(episodes["episode_id"])
    return {"episodes": episodes, "predictions": predictions[own].reset_index(drop=True)}


def _stored(reading: Reading, year: int) -> list[int]:
    """Years of exit under which the episodes of a year lie: those who entered in it may leave in the next."""
    is_by_exit = reading.rules.text("year_of") == "exit_date"
    return [year] if is_by_exit or not reading.sources.has(EPISODES, year + 1) else [year, year + 1]


def _final(reading: Reading, year: int) -> pd.DataFrame:
    """Final episodes left in a year, of every establishment: what EDS declares of them, and their components."""
    known = reading.sources.table(EPISODES, year)
    found = rows(known.filter(known.is_final).select(*COLUMNS).order_by("episode_id"))
    is_over = found["window_end"] <= pd.Timestamp(reading.known_until)
    return found.assign(
        establishment_id=found["establishment_id"].str[:FINESS_LENGTH], is_complete=found["is_complete"] & is_over
    )


def _expected(reading: Reading, year: int, episodes: pd.DataFrame) -> pd.DataFrame:
    """Expectations of the episodes left in a year, each under the version of its programme.

    Errors: MissingError where a programme has complete episodes and none is predicted.
    """
    waiting = set(episodes.loc[episodes["is_complete"], "programme"]) & set(reading.priced_by)
    if not waiting:
        return pd.DataFrame(columns=EXPECTED).astype({"expected_eur": float, "typical_eur": float, "version": "int64"})
    if not reading.sources.has(EPISODE_PREDICTIONS, year):
        raise MissingError(_not_predicted(reading, min(waiting), year))
    scored = reading.sources.table(EPISODE_PREDICTIONS, year)
    parts = []
    for programme, used in sorted(reading.priced_by.items()):
        mine = (scored.programme == programme) & (scored.model == used.model) & (scored.version == used.version)
        found = rows(scored.filter(mine).select(*EXPECTED).order_by("episode_id"))
        if found.empty and programme in waiting:
            raise MissingError(_not_predicted(reading, programme, year))
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def _not_predicted(reading: Reading, programme: str, year: int) -> str:
    used = reading.priced_by[programme]
    card = read_version(reading.sources.versions, used.model, used.version)[0]
    command = f"forfait predict {used.model} --year {year} --version {used.version}"
    if year in card.training_years:
        command = f"forfait train {used.model} --year {card.test_year}, which writes those of its years of training"
    path = dataset_path(reading.sources.data, EPISODE_PREDICTIONS.name, year)
    return f"{path} holds no expectation of {used.model} version {used.version}: run {command}"


def _reference(
    reading: Reading, before: Mapping[str, pd.DataFrame], now: Mapping[str, pd.DataFrame], year: int
) -> pd.DataFrame:
    """Rows of the years before, with their cap and risk index, and of the year, which moves neither."""
    weighed = range(year - len(year_weights(reading.rules)), year)
    base = schemes.eds.reference(before, years=weighed, rules=reading.rules)
    if base.empty:
        raise InputError(f"no episode of the years before {year} is complete and predicted: there is no price")
    measured = schemes.eds.reference(now, years=range(year, year + 1), rules=reading.rules)
    return base if measured.empty else pd.concat([base, measured], ignore_index=True)


def _volumes(episodes: pd.DataFrame) -> pd.DataFrame:
    """Complete episodes of the years before, by establishment and programme."""
    by = ["establishment_id", "programme"]
    return episodes[episodes["is_complete"]].groupby(by).size().rename("episodes").reset_index()
