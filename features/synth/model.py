"""The care model of the fictional France: its numbers, read once from features/reference/synth_*.csv."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

REFERENCE = Path(__file__).parent.parent / "reference"
AGES = np.arange(111)
FOLLOW_UPS = {
    "gp_after": "gp_office",
    "nurse_after": "nurse_acts",
    "physio_after": "physio",
    "transport_after": "transport",
    "lpp_after": "lpp",
}
SSR_DAY_EUR = 215.0
HAD_STAY_EUR = 4300.0
ACE_EUR = 62.0
LEVELS = (0.62, 0.24, 0.11, 0.03)
LEVEL_COST = (0.75, 1.15, 1.75, 2.7)
CHILD_SUPPLEMENT_CENTS = 500
HOME_SUPPLEMENT_CENTS = 1000

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Acts:
    """The acts billed in one stream: cumulated shares, codes, specialties, unit cents, quantities, rates, CCAM."""

    cumulated: Array
    act: Array
    specialty: Array
    unit: Array
    quantity: Array
    rate: Array
    ccam: tuple[str, ...]
    perimeter: str

    @property
    def mean_eur(self) -> float:
        """Mean euros (base of reimbursement) of one line of the stream."""
        return float((np.diff(self.cumulated, prepend=0.0) * self.unit * self.quantity).sum() / 100)


@dataclass(frozen=True)
class CareModel:
    """Everything the draws and the expectation share: K conditions, P streams, Q causes of stay."""

    conditions: tuple[str, ...]
    kind: tuple[str, ...]
    parent: Array
    icd10: tuple[tuple[str, ...], ...]
    number: dict[str, Array]
    prevalence: Array
    threshold: Array
    streams: tuple[str, ...]
    stream_number: dict[str, Array]
    curves: dict[str, Array]
    stream_curves: Array
    programmes: Array
    acts: dict[str, Acts]
    price_eur: Array
    drugs: tuple[dict[str, str], ...]
    causes: tuple[str, ...]
    stays: tuple[dict[str, str], ...]
    stay_number: dict[str, Array]
    cause_rows: tuple[Array, ...]
    cause_price: dict[str, Array]
    cause_follow: Array
    ccam: tuple[str, ...]

    def cause(self, name: str) -> int:
        """Place of a cause of stay."""
        return self.causes.index(name)

    def stream(self, name: str) -> int:
        """Place of a stream."""
        return self.streams.index(name)


def read_rows(name: str) -> list[dict[str, str]]:
    """Rows of features/reference/<name>.csv as text."""
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(rows: list[dict[str, str]], *names: str) -> dict[str, Array]:
    """Columns as float arrays; empty text is 0."""
    return {name: np.array([float(row[name] or 0) for row in rows]) for name in names}


@cache
def care_model() -> CareModel:
    """The model, read from the reference tables."""
    rows = read_rows("synth_conditions")
    curves = _curves()
    streams = [row for row in read_rows("synth_streams") if row["stream"] != "stays"]
    names = tuple(row["stream"] for row in streams)
    acts = _acts()
    conditions = tuple(row["condition"] for row in rows)
    number = numbers(rows, *[name for name in rows[0] if name not in ("condition", "kind", "parent", "curve", "icd10")])
    prevalence = _prevalence(rows, curves)
    stays = read_rows("synth_stays")
    causes = tuple(dict.fromkeys(row["cause"] for row in stays))
    prices = {name: act.mean_eur for name, act in acts.items()}
    prices |= {"ace": ACE_EUR, "pharmacy_acute": _acute_pack_eur()}
    return CareModel(
        conditions=conditions,
        kind=tuple(row["kind"] for row in rows),
        parent=np.array([conditions.index(row["parent"]) if row["parent"] else -1 for row in rows]),
        icd10=tuple(tuple(row["icd10"].split("|")) for row in rows),
        number=number,
        prevalence=prevalence,
        threshold=_thresholds(prevalence),
        streams=names,
        stream_number=_stream_numbers(),
        curves=curves,
        stream_curves=np.stack([curves[name] for name in names]),
        programmes=np.stack([number.get(name, np.zeros(len(rows))) for name in names], axis=1),
        acts=acts,
        price_eur=np.array([prices[name] for name in names]),
        drugs=tuple(read_rows("synth_drugs")),
        causes=causes,
        stays=tuple(stays),
        ccam=_ccam(stays),
        **_stay_tables(stays, causes, streams=names),
    )


def _ccam(stays: list[dict[str, str]]) -> tuple[str, ...]:
    """Every act of the CCAM that may be drawn."""
    rows = [*stays, *read_rows("synth_acts"), *read_rows("synth_surgery_acts"), *read_rows("synth_surgery_codes")]
    return tuple(sorted({row["ccam"] for row in rows} - {""}))


def _curves() -> dict[str, Array]:
    """Curve → rates by sex (man, woman) and age 0 to 110; a sex without a row has 0."""
    found: dict[str, Array] = {}
    for row in read_rows("synth_curves"):
        anchors = [(int(name[1:]), float(value)) for name, value in row.items() if name not in ("curve", "sex")]
        ages, values = zip(*anchors, strict=True)
        curve = found.setdefault(row["curve"], np.zeros((2, AGES.size)))
        curve[int(row["sex"]) - 1] = np.interp(AGES, ages, values)
    return found


def _stream_numbers() -> dict[str, Array]:
    rows = read_rows("synth_streams")
    return numbers(rows, *[name for name in rows[0] if name != "stream"])


def _acts() -> dict[str, Acts]:
    by_stream: dict[str, list[dict[str, str]]] = {}
    for row in read_rows("synth_acts"):
        by_stream.setdefault(row["stream"], []).append(row)
    return {name: _stream_acts(rows) for name, rows in by_stream.items()}


def _stream_acts(rows: list[dict[str, str]]) -> Acts:
    column = numbers(rows, "share", "act_code", "specialty", "unit_cents", "quantity", "rate_pct")
    cumulated = np.cumsum(column["share"])
    return Acts(
        cumulated=cumulated / cumulated[-1],
        act=column["act_code"].astype(np.int32),
        specialty=column["specialty"].astype(np.int32),
        unit=column["unit_cents"].astype(np.int64),
        quantity=column["quantity"].astype(np.int32),
        rate=column["rate_pct"].astype(np.int32),
        ccam=tuple(row["ccam"] for row in rows),
        perimeter=rows[0]["perimeter"],
    )


def _acute_pack_eur() -> float:
    rows = [row for row in read_rows("synth_drugs") if row["condition"] == "acute"]
    column = numbers(rows, "share_from", "share_to", "price_cents")
    share = np.minimum(column["share_to"], 1.0) - column["share_from"]
    return float((share * column["price_cents"]).sum() / 100)


def _ald_prevalence() -> dict[int, Array]:
    """ALD number → share in the ALD by sex and age (general scheme 2016; five-year means joined by lines)."""
    found: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for row in read_rows("ald_prevalence_age_sex"):
        middle = min(float(row["age_from"]) + 2.5, 97.5)
        point = (middle, float(row["approx_prevalence_pct"]) / 100)
        found.setdefault((int(row["ald_code"]), int(row["sex"])), []).append(point)
    curves: dict[int, Array] = {}
    for (ald, sex), points in found.items():
        ages, values = zip(*sorted(points), strict=True)
        curves.setdefault(ald, np.zeros((2, AGES.size)))[sex - 1] = np.interp(AGES, ages, values)
    return curves


def _prevalence(rows: list[dict[str, str]], curves: dict[str, Array]) -> Array:
    """Prevalence of each condition by sex and age: from its curve, or from its ALD's published prevalence."""
    ald = _ald_prevalence()
    table = np.zeros((len(rows), 2, AGES.size))
    for place, row in enumerate(rows):
        if row["curve"]:
            table[place] = curves[row["curve"]]
        elif row["kind"] != "active":
            split = np.array([[float(row["split_m"])], [float(row["split_f"])]])
            table[place] = ald[int(row["ald"])] * split / float(row["ald_share"])
    return np.minimum(table, 0.6)


def _thresholds(prevalence: Array) -> Array:
    """Normal quantiles of the prevalence: a condition is present where a normal draw lies below."""
    normal = NormalDist()
    flat = [normal.inv_cdf(p) if p > 0 else -99.0 for p in prevalence.ravel()]
    return np.array(flat, dtype=np.float32).reshape(prevalence.shape)


def _stay_tables(rows: list[dict[str, str]], causes: tuple[str, ...], *, streams: tuple[str, ...]) -> dict[str, Any]:
    """Rows of each cause, and per cause the mean euros of a stay and of what follows it."""
    texts = ("cause", "ghm", "dp", "dr", "ccam")
    column = numbers(rows, *[name for name in rows[0] if name not in texts])
    owner = np.array([causes.index(row["cause"]) for row in rows])
    per_row = {
        "public_eur": (1 - column["private_share"]) * column["tariff_eur"],
        "private_eur": column["private_share"] * (column["private_ghs_eur"] + column["private_fee_eur"]),
        "ssr_eur": column["ssr_share"] * column["ssr_days"] * SSR_DAY_EUR,
        "had_eur": column["had_share"] * HAD_STAY_EUR,
        "readmission": column["readmission_share"],
    }
    follow = np.zeros((len(rows), len(streams)))
    for name, stream in FOLLOW_UPS.items():
        follow[:, streams.index(stream)] = column[name]
    weigh = np.zeros((len(causes), len(rows)))
    weigh[owner, np.arange(len(rows))] = column["weight"]
    weigh /= weigh.sum(axis=1, keepdims=True)
    return {
        "stay_number": column,
        "cause_rows": tuple(np.flatnonzero(owner == place) for place in range(len(causes))),
        "cause_price": {name: weigh @ values for name, values in per_row.items()},
        "cause_follow": weigh @ follow,
    }
