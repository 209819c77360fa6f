"""Open episodes as they stand on a day, and the next reconciliation seen from it: what was spent by then, no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError
from features.tables import EPISODE_LINES
from features.tables.episodes import COMPONENTS, PERIODS
from forfait.documents import write_document
from forfait.options import chosen_version
from forfait.paying.eds import FAMILY, MODELS, Reading, eds_inputs, of_years, programmes_taken, reference_years
from forfait.paying.sources import Priced, Sources, participants, priced, rows
from forfait.paying.statements import check_language
from schemes import eds
from schemes.amounts import Amount, Payment
from schemes.eds.cases import participations
from schemes.eds.frames import COST
from schemes.runs import ESTIMATE, Inputs, Run, prepare, with_inputs
from schemes.statements import Given, Watched, watch_page
from schemes.statements.eds_watch import list_document

BOUNDS = {"days_0_30": (0, 30), "days_31_60": (31, 60), "days_61_90": (61, 90), "days_91_up": (91, None)}
FAR = 100_000
PARTS = [f"cost_{name}_cents" for name in (*COMPONENTS, *PERIODS)]
LINE = ["episode_id", "care_date", "end_date", "period", "cents", "component"]


@dataclass(frozen=True)
class Watch:
    """A day as establishments see it: open episodes of all, the forecast, and what the pages are told."""

    on: date
    run: Run
    reading: Reading
    taking: pd.DataFrame
    rows: pd.DataFrame
    forecast: Payment

    def of(self, structure: str) -> Watched:
        """What the page of an establishment shows."""
        amount = next((one for one in self.forecast.amounts if one.structure_id == structure), None)
        return Watched(self.on, self.rows[self.rows["establishment_id"] == structure], amount)

    def given(self, structure: str, language: str) -> Given:
        """The run, rules, name and language of a page."""
        names = self.taking.drop_duplicates("structure_id").set_index("structure_id")["structure_name"]
        return Given(self.run, {"eds": self.reading.rules}, str(names[structure]), language)


def watch_on(sources: Sources, on: date) -> Watch:
    """Open episodes and forecast of all establishments that take part, from the care given by a day.

    Errors: MissingError where episodes or expectations are lacking; InputError where nobody takes part.
    """
    first = date(on.year, 1, 1)
    run, book = prepare("eds", on.year, kind=ESTIMATE, known_on=on, rule_days={"eds": first})
    reading = Reading(sources, book["eds"], _versions(sources, on), on)
    inputs = known_inputs(reading, on)
    run = with_inputs(run, inputs, **_model(reading))
    found = eds.watch_list(inputs, on=on, rules=book["eds"])
    taking = participants(sources, FAMILY, on.year)
    return Watch(on, run, reading, taking, _of_participants(found, inputs, reading), _forecast(inputs, on, reading))


def _of_participants(found: pd.DataFrame, inputs: Inputs, reading: Reading) -> pd.DataFrame:
    """Open episodes of establishments that take part, in the programmes that each has chosen."""
    taking, _ = participations(inputs, year=reading.known_until.year, rules=reading.rules)
    chosen = {one.structure_id: one.programmes for one in taking}
    is_theirs = [
        who in chosen and (not chosen[who] or programme in chosen[who])
        for who, programme in zip(found["establishment_id"], found["programme"], strict=True)
    ]
    return found[is_theirs].reset_index(drop=True)


def _forecast(inputs: Inputs, on: date, reading: Reading) -> Payment:
    """The forecast; nothing where no episode of the year has left yet."""
    day = reading.rules.text("year_of")
    left = inputs["episodes"][pd.to_datetime(inputs["episodes"]["exit_date"]) <= pd.Timestamp(on)]
    if not (pd.to_datetime(left[day]).dt.year == on.year).any():
        empty = pd.DataFrame()
        return Payment((), empty, empty, empty)
    return eds.forecast(inputs, year=on.year, on=on, rules=reading.rules)


def _versions(sources: Sources, on: date) -> dict[str, Priced]:
    """The version of each programme in force on 1 January, as a payment takes it."""
    taken, first = programmes_taken(sources, on.year), date(on.year, 1, 1)
    return {
        programme: priced(sources, model, chosen_version(sources.versions, model, None, on=first, today=on))
        for programme, model in MODELS.items()
        if programme in taken
    }


def _model(reading: Reading) -> dict[str, str | int]:
    used = [reading.priced_by[name] for name in sorted(reading.priced_by)]
    numbers = sorted({one.version for one in used})
    return {
        "model": ", ".join(one.model for one in used),
        "version": numbers[0] if len(numbers) == 1 else ", ".join(str(one.version) for one in used),
        "version_hash": ", ".join(one.version_hash for one in used),
    }


def known_inputs(reading: Reading, on: date) -> dict[str, pd.DataFrame]:
    """The inputs of EDS as of a day, episodes of the years before among them: they tell how spending goes with time."""
    now = eds_inputs(reading, on.year)
    before = of_years(reading, reference_years(reading, on.year))
    both = {name: pd.concat([before[name], now[name]], ignore_index=True) for name in ("episodes", "predictions")}
    return {**now, **both, "episodes": as_known(reading.sources, both["episodes"], on)}


def as_known(sources: Sources, episodes: pd.DataFrame, on: date) -> pd.DataFrame:
    """Episodes discharged by a day; those still open cost what was given by then, from their lines.

    A line that goes on after the day counts for its days so far. Care is taken by its date: what claims have still to
    tell of it is not looked for.
    """
    day = pd.Timestamp(on)
    kept = episodes[episodes["exit_date"] <= day].reset_index(drop=True)
    is_open = kept["window_end"] > day
    if not is_open.any():
        return kept
    costs = _costs(_lines(sources, kept[is_open]), kept.loc[is_open, ["episode_id", "intervention_date"]], day)
    known = costs.reindex(kept.loc[is_open, "episode_id"]).fillna(0).astype("int64")
    changed = kept.copy()
    for name in (COST, *PARTS):
        changed.loc[is_open, name] = known[name].to_numpy()
    return changed.astype(dict.fromkeys((COST, *PARTS), "int64"))


def _lines(sources: Sources, episodes: pd.DataFrame) -> pd.DataFrame:
    """Lines in the perimeter of some episodes, from the years in which these left."""
    names, found = episodes["episode_id"].tolist(), []
    for year in sorted(set(episodes["exit_date"].dt.year)):
        known = sources.table(EPISODE_LINES, int(year))
        found.append(rows(known.filter(known.is_in_scope & known.episode_id.isin(names)).select(*LINE)))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=LINE)


def _costs(lines: pd.DataFrame, episodes: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Cents of each episode by a day: in all, by component, by period."""
    joined = lines.merge(episodes, on="episode_id", how="left", validate="m:1")
    joined = joined.assign(cents=np.rint(joined["cents"] * _share_by(joined, day)).astype("int64"))
    whole = joined.groupby("episode_id")["cents"].sum().rename(COST)
    parts = [
        joined.pivot_table(index="episode_id", columns=by, values="cents", aggfunc="sum").reindex(columns=list(names))
        for by, names in (("component", COMPONENTS), ("period", PERIODS))
    ]
    wide = pd.concat(parts, axis=1).rename(columns=lambda name: f"cost_{name}_cents")
    return pd.concat([whole, wide], axis=1).fillna(0).astype("int64")


def _share_by(lines: pd.DataFrame, day: pd.Timestamp) -> pd.Series:
    """Share of the days of each line, within its period, that are over by a day."""
    start = lines["intervention_date"]
    lows = lines["period"].map({name: low for name, (low, _) in BOUNDS.items()})
    highs = lines["period"].map({name: FAR if high is None else high for name, (_, high) in BOUNDS.items()})
    first = pd.concat([lines["care_date"], start + pd.to_timedelta(lows.fillna(-FAR), unit="D")], axis=1).max(axis=1)
    last = pd.concat([lines["end_date"], start + pd.to_timedelta(highs.fillna(FAR), unit="D")], axis=1).min(axis=1)
    days = (last - first).dt.days.clip(lower=0) + 1
    return (((day - first).dt.days + 1) / days).clip(0.0, 1.0)


def write_watch(
    watch: Watch, *, structure: str | None, language: str, folder: Path, progress: Callable[[str], None]
) -> list[Path]:
    """Files of an establishment or of all: the page, without a patient, and the list, for the establishment alone.

    Errors: InputError for an unknown language, or an establishment that takes no part.
    """
    check_language(language)
    known = sorted(set(watch.taking["structure_id"].map(str)))
    chosen = [one for one in known if structure in (None, one)]
    if not chosen:
        raise InputError(f"{structure} takes no part in eds {watch.on.year}; choose one of {', '.join(known)}")
    written: list[Path] = []
    for number, one in enumerate(chosen, start=1):
        progress(f"pages {number}/{len(chosen)}")
        given, watched = watch.given(one, language), watch.of(one)
        written += write_document(watch_page(one, given, watched), folder, f"{one}-watch-{language}")
        if len(watched.rows):
            listed = list_document(one, given, watched)
            written += write_document(listed, folder, f"{one}-watch-{language}", formats=("csv",))
    return written


def watch_table(watch: Watch, structure: str | None = None) -> pd.DataFrame:
    """A row per establishment: open episodes by flag, target, known and expected spending, foreseen amount."""
    found = []
    for one in sorted(set(watch.taking["structure_id"].map(str))):
        if structure not in (None, one):
            continue
        watched = watch.of(one)
        flags = watched.rows["flag"].value_counts()
        sums = {name: int(watched.rows[name].sum()) for name in ("target_cents", "spent_cents", "expected_cents")}
        counts = {flag: int(flags.get(flag, 0)) for flag in eds.FLAGS}
        found.append({"structure_id": one, "open": len(watched.rows), **counts, **sums, **_foreseen(watched.forecast)})
    return pd.DataFrame(found)


def whole_euros(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns of cents in whole euros, so that a terminal holds them."""
    names = [str(name) for name in frame.columns if str(name).endswith("_cents")]
    euros = {name: ["" if pd.isna(cents) else f"{round(cents / 100):,}" for cents in frame[name]] for name in names}
    return frame.assign(**euros).rename(columns={name: name.removesuffix("_cents") + " EUR" for name in names})


def _foreseen(amount: Amount | None) -> dict[str, int | None]:
    if amount is None:
        return {"forecast_cents": None, "low_cents": None, "high_cents": None}
    ends = (amount.figures[f"result_{end}_eur"].value for end in ("low", "high"))
    low, high = (round(float(text) * 100) if text else None for text in ends)
    return {"forecast_cents": amount.total_cents, "low_cents": low, "high_cents": high}
