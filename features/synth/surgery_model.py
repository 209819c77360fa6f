"""The model of scheduled surgery: its numbers, read once from features/reference/synth_surgery*.csv."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from features.synth.days import first_day
from features.synth.geography import CLINICS, HOSPITALS, clinic_finess, hospital_finess
from features.synth.model import Array, care_model, numbers, read_rows
from features.synth.pmsi_mco import diagnosis_codes

PROGRAMMES = ("pth", "ptg", "colectomie")
COLON = 2
PRE_DAYS = 45
POST_DAYS = np.array([90, 90, 180])
LEVELS = (1, 2, 3, 4)
REFERENCE_CAMPAIGN = "2025"
FIRST_MONTH_OF_A_CAMPAIGN = 3


@dataclass(frozen=True)
class Sites:
    """Establishments of one sector: cumulated shares of the operations, and how much each uses rehabilitation.

    rehabilitation has mean 1 over the operations of the sector: it is practice, and no state of a patient.
    """

    cumulated: Array
    rehabilitation: Array


@dataclass(frozen=True)
class SurgeryModel:
    """Numbers by programme, in the order of PROGRAMMES: parameters, log effects, acts, exclusions, establishments.

    kinds: first row of synth_stays of each cause; codes: place in `diagnosis_codes` by use; acts hold programme, share
    (cumulated by programme), dp, ccam and fees; reasons: planted exclusions, after "" (none), with their cumulated
    shares by programme.
    """

    number: dict[str, Array]
    effect: dict[str, Array]
    acts: dict[str, Array]
    reasons: tuple[str, ...]
    reason_share: Array
    public: Sites
    private: Sites
    kinds: dict[str, Array]
    codes: dict[str, int]

    def of(self, key: str, programme: Array) -> Array:
        """A parameter for each operation."""
        return self.number[key][programme]


@cache
def surgery_model() -> SurgeryModel:
    """The model, read from the reference tables."""
    rows = read_rows("synth_surgery")
    effects = numbers(read_rows("synth_surgery_factors"), "joints", "colon")
    names = [row["factor"] for row in read_rows("synth_surgery_factors")]
    logs = np.log(np.stack([effects["joints"], effects["joints"], effects["colon"]], axis=1))
    reasons = read_rows("synth_surgery_exclusions")
    shares = np.stack([numbers(reasons, name)[name] for name in PROGRAMMES])
    model = care_model()
    codes = diagnosis_codes(model)
    return SurgeryModel(
        number={row["key"]: np.array([float(row[name]) for name in PROGRAMMES]) for row in rows},
        effect=dict(zip(names, logs, strict=True)),
        acts=_acts(),
        reasons=("", *[row["reason"] for row in reasons]),
        reason_share=np.cumsum(shares, axis=1),
        public=_sites("public", HOSPITALS),
        private=_sites("private", CLINICS),
        kinds=dict(zip(model.causes, model.cause_rows, strict=True)),
        codes={row["use"]: codes.index(row["icd10"]) for row in read_rows("synth_surgery_codes") if row["icd10"]},
    )


def _acts() -> dict[str, Array]:
    rows = read_rows("synth_surgery_acts")
    model = care_model()
    codes = diagnosis_codes(model)
    return {
        "programme": np.array([PROGRAMMES.index(row["programme"]) for row in rows]),
        "dp": np.array([codes.index(row["dp"]) for row in rows]),
        "ccam": np.array([model.ccam.index(row["ccam"]) for row in rows]),
        **numbers(rows, "share", "surgeon_eur", "anaesthetist_eur"),
    }


def _sites(sector: str, count: int) -> Sites:
    """Those named have their own share and practice; the others share the rest, and bring practice to mean 1."""
    share, practice = np.zeros(count), np.zeros(count)
    for row in site_rows(sector):
        share[int(row["place"])], practice[int(row["place"])] = float(row["share"]), float(row["rehabilitation"])
    others = share == 0
    practice[others] = (1 - (share * practice).sum()) / (1 - share.sum())
    share[others] = (1 - share.sum()) / others.sum()
    return Sites(np.cumsum(share), practice)


def site_rows(sector: str) -> list[dict[str, str]]:
    """Establishments that take part in the bundles, of one sector, as in synth_surgery_sites.csv."""
    return [row for row in read_rows("synth_surgery_sites") if row["sector"] == sector]


def finess(*, is_private: Array, place: Array) -> Array:
    """FINESS of 9 characters of establishments at their place in the list of their sector."""
    clinics = np.array([f"{text}0" for text in clinic_finess()])
    hospitals = np.array(hospital_finess())
    return np.where(is_private, clinics[np.where(is_private, place, 0)], hospitals[np.where(is_private, 0, place)])


def expected_act(model: SurgeryModel, name: str) -> Array:
    """Mean of a number of the acts, by programme."""
    acts = model.acts
    total = np.bincount(acts["programme"], weights=acts["share"] * acts[name], minlength=len(PROGRAMMES))
    return np.asarray(total / np.bincount(acts["programme"], weights=acts["share"], minlength=len(PROGRAMMES)))


@cache
def _indices(scope: str) -> tuple[int, Array]:
    """First year and tariff index of each campaign over that of the reference, years outside taking the nearest."""
    found = {
        row["campaign"]: float(row["tariff_index"]) for row in read_rows("episode_tariffs") if row["scope"] == scope
    }
    years = sorted(found)
    return int(years[0]), np.array([found[year] / found[REFERENCE_CAMPAIGN] for year in years])


def tariff_ratio(day: Array, *, is_private: Array) -> Array:
    """Hospital tariff of the campaign of a day of exit over that of the reference campaign."""
    months = day.astype("M8[D]").astype("M8[M]").astype(np.int64) + 12 * 1970
    campaign = (months - (FIRST_MONTH_OF_A_CAMPAIGN - 1)) // 12
    ratios = []
    for scope in ("stays_public_mco", "stays_private_mco"):
        first, index = _indices(scope)
        ratios.append(index[np.clip(campaign - first, 0, index.size - 1)])
    return np.where(is_private, ratios[1], ratios[0])


def yearly_ratio(year: int, *, is_private: bool) -> float:
    """Ratio of most of a year: that of its first of July."""
    day = np.array([first_day(year) + 181])
    return float(tariff_ratio(day, is_private=np.array([is_private]))[0])
