"""Hospital stays that an operation plans: work-up, index stay, readmission, chemotherapy, rehabilitation, home."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synth.model import Array, CareModel
from features.synth.surgery_model import COLON, LEVELS, POST_DAYS, PROGRAMMES, SurgeryModel, tariff_ratio
from features.synth.surgery_plan import DAS, Operations, Planned, PlannedLong, das_of, planned, taken
from features.synth.surgery_risk import Chances, practised

SSR_DAY_EUR, LONGEST_SSR, LONGEST_RETURN = 145.0, 70, 18
HAD_DAYS = 20
RETURN_LEVELS = (0.45, 0.30, 0.20, 0.05)
TRANSFERRED, FROM_EMS, EMERGENCY = 2, 1, 0
CODED = 0.85
CODED_BEFORE = 0.8


@dataclass(frozen=True)
class Theatre:
    """What the draws of the stays of operations share."""

    care: CareModel
    model: SurgeryModel
    operations: Operations
    known: dict[str, Array]
    chance: Chances
    rng: np.random.Generator

    def of(self, key: str) -> Array:
        """A parameter for each operation."""
        return self.model.of(key, self.operations.programme)

    def is_reason(self, *names: str) -> Array:
        """Whether each operation has one of these planted exclusions."""
        return np.isin(self.operations.reason, [self.model.reasons.index(name) for name in names])

    def tariffs(self, level: Array) -> Array:
        """GHS of the reference campaign of each operation at a level."""
        private = self.operations.is_private
        table = [np.where(private, self.of(f"private_{one}"), self.of(f"public_{one}")) for one in LEVELS]
        return np.stack(table)[level - 1, np.arange(level.size)]

    def end(self) -> Array:
        """Last day of each window."""
        return self.operations.day + POST_DAYS[self.operations.programme]


def index_stays(theatre: Theatre, *, to_ssr: Array) -> Planned:
    """The index stays, with what the PMSI shows of them."""
    operations, model, rng = theatre.operations, theatre.model, theatre.rng
    size, acts = operations.size, model.acts
    extra = (rng.random(size) < theatre.of("supplement_share")) * rng.gamma(1.0, theatre.of("supplement_part"))
    price = theatre.tariffs(operations.level) * (1 + extra)
    price = price * tariff_ratio(operations.exit, is_private=operations.is_private)
    first_kind = np.array([model.kinds[name][0] for name in PROGRAMMES])
    dp = acts["dp"][operations.act]
    dp = np.where(theatre.is_reason("fracture"), model.codes["fracture"], dp)
    dp = np.where(theatre.is_reason("benign"), model.codes["benign"], dp)
    codes = theatre.care.ccam
    act = acts["ccam"][operations.act]
    act = np.where(theatre.is_reason("unicompartmental"), codes.index("NFKA006"), act)
    act = np.where(theatre.is_reason("total_colectomy"), codes.index("HHFA021"), act)
    entry = np.where(theatre.is_reason("transfer"), TRANSFERRED, 0)
    origin = np.where(theatre.is_reason("medico_social"), FROM_EMS, -1)
    implant = theatre.of("implant_eur") * rng.gamma(30.0, 1 / 30.0, size)
    return planned(
        operations.person,
        first_kind[operations.programme] + operations.level - 1,
        first=operations.entry,
        last=operations.exit,
        is_private=operations.is_private,
        place=operations.place,
        cents=np.rint(price * 100),
        is_index=1,
        dp=dp,
        act=act,
        second_act=np.where(operations.stoma, codes.index("HGCA004"), -1),
        times=np.where(theatre.is_reason("second_act"), 2, 1),
        delay=operations.day - operations.entry,
        entry=entry,
        origin=np.where(theatre.is_reason("emergency"), EMERGENCY, origin),
        unit=np.where(theatre.is_reason("emergency_unit"), 1, 0),
        is_abroad=theatre.is_reason("abroad"),
        implant_cents=np.rint(implant * 100),
        to_ssr=to_ssr,
        das=_index_das(theatre),
    )


def _index_das(theatre: Theatre) -> Array:
    """Factors coded in the index stay, mostly; a rare thrombosis; what excludes."""
    codes, rng, known = theatre.model.codes, theatre.rng, theatre.known
    size = theatre.operations.size
    shown = rng.random((6, size)) < CODED
    below_35 = rng.random(size) < 0.6
    columns = [
        ((known["obesity"] > 0) & shown[0] & below_35, codes["mild_obesity"]),
        ((known["obesity"] > 0) & shown[0] & ~below_35, codes["obesity"]),
        ((known["severe_obesity"] > 0) & shown[0], codes["severe_obesity"]),
        ((known["malnutrition"] > 0) & shown[1], codes["malnutrition"]),
        ((known["lives_alone"] > 0) & (rng.random(size) < 0.6), codes["lives_alone"]),
        ((known["frailty"] > 0) & shown[2], codes["frailty"]),
        ((known["anaemia"] > 0) & shown[3], codes["anaemia"]),
        ((known["metastasis"] > 0) & shown[4], codes["metastasis"]),
        ((known["poor_cover"] > 0) & (rng.random(size) < 0.15), codes["precariousness"]),
        (rng.random(size) < theatre.of("thrombo_share"), codes["thrombosis"]),
        (theatre.is_reason("palliative"), codes["palliative"]),
        (theatre.is_reason("against_advice"), codes["against_advice"]),
    ]
    return das_of(columns, size)


def workups(theatre: Theatre) -> Planned:
    """Days in hospital before the operation, which code what the index stay may not tell: anaemia, metastasis."""
    operations, known, rng, codes = theatre.operations, theatre.known, theatre.rng, theatre.model.codes
    is_marked = (known["anaemia"] + known["metastasis"] + known["frailty"] + known["heart_failure"]) > 0
    share = np.maximum(theatre.of("workup_share"), is_marked * CODED_BEFORE)
    chosen = np.flatnonzero(rng.random(operations.size) < share)
    room = np.maximum(operations.entry - 2 - operations.start, 0)
    day = operations.start + np.floor(rng.random(operations.size) * (room + 1)).astype(np.int64)
    names = ("anaemia", "metastasis", "malnutrition", "frailty", "heart_failure", "lives_alone")
    das = das_of([((known[name] > 0) & (rng.random(operations.size) < 0.95), codes[name]) for name in names],
                 operations.size)  # fmt: skip
    colon = operations.programme[chosen] == COLON
    kinds = [theatre.model.kinds[name][0] for name in ("workup_joints", "workup_colectomie")]
    price = np.where(colon, 760.0, 420.0) * tariff_ratio(day[chosen], is_private=np.zeros(chosen.size, dtype=bool))
    shown = operations.programme[chosen] == COLON
    has_anaemia = known["anaemia"][chosen] > 0
    other = theatre.model.codes["frailty_gait"]
    return planned(
        operations.person[chosen],
        np.where(colon, kinds[1], kinds[0]),
        first=day[chosen],
        last=day[chosen],
        place=rng.integers(0, 40, chosen.size),
        cents=np.rint(price * 100),
        dp=np.where(shown | has_anaemia, -1, other),
        das=das[chosen],
    )


def returns(theatre: Theatre) -> Planned:
    """Readmissions for a complication, after the exit and over before the window is."""
    operations, rng = theatre.operations, theatre.rng
    chosen = np.flatnonzero(rng.random(operations.size) < theatre.chance.back)
    own = taken(operations, chosen)
    end = theatre.end()[chosen]
    nights = np.minimum(1 + rng.poisson(rng.gamma(2.0, 3.0, own.size)), LONGEST_RETURN)
    room = np.maximum(end - nights - own.exit, 2)
    is_early = rng.random(own.size) < theatre.of("return_30")[chosen]
    spread = np.where(is_early, np.minimum(room, 30), room)
    lowest = np.where(is_early | (room <= 31), 1, 31)
    first = own.exit + lowest + np.floor(rng.random(own.size) * np.maximum(spread - lowest, 1)).astype(np.int64)
    shape = theatre.of("return_shape")[chosen]
    price = theatre.chance.back_eur[chosen] * rng.gamma(shape, 1 / shape)
    is_private = own.is_private & (rng.random(own.size) < theatre.of("return_private")[chosen])
    part = np.where(is_private, theatre.of("return_private_ghs")[chosen], 1.0)
    fees = np.where(is_private, theatre.of("return_private_fee")[chosen], 0.0)
    last = first + nights
    kind = np.zeros(own.size, dtype=np.int64)
    weight = theatre.care.stay_number["weight"]
    for place, name in enumerate(PROGRAMMES):
        rows = theatre.model.kinds[f"return_{name}"]
        share = np.cumsum(weight[rows])
        who = np.flatnonzero(own.programme == place)
        kind[who] = rows[np.searchsorted(share / share[-1], rng.random(who.size)).clip(0, rows.size - 1)]
    return planned(
        own.person,
        kind,
        first=first,
        last=last,
        is_private=is_private,
        place=np.where(is_private, own.place, rng.integers(0, 40, own.size)),
        level=np.searchsorted(np.cumsum(RETURN_LEVELS), rng.random(own.size)).clip(0, 3) + 1,
        cents=np.rint(price * part * tariff_ratio(last, is_private=is_private) * 100),
        fee_cents=np.rint(price * fees * 100),
        origin=EMERGENCY,
        das=np.full((own.size, DAS), -1),
    )


def chemotherapy(theatre: Theatre) -> Planned:
    """Sessions after a part of the colectomies: the first some weeks after, then every fortnight."""
    operations, rng = theatre.operations, theatre.rng
    young = np.where(theatre.known["age"] < 80, 1.15, 0.45)
    is_treated = rng.random(operations.size) < theatre.of("chemo_share") * young
    is_treated &= ~theatre.is_reason("benign")
    chosen = np.flatnonzero(is_treated)
    delay = 21 + rng.gamma(6.0, np.maximum(theatre.of("chemo_delay")[chosen] - 21, 1) / 6.0)
    count = np.clip(rng.poisson(theatre.of("chemo_sessions")[chosen]), 1, 12)
    place = np.repeat(np.arange(chosen.size), count)
    rank = np.arange(place.size) - np.repeat(np.cumsum(count) - count, count)
    day = (operations.day[chosen] + delay.astype(np.int64))[place] + 14 * rank
    price = theatre.of("chemo_eur")[chosen][place] * tariff_ratio(day, is_private=np.zeros(day.size, dtype=bool))
    return planned(
        operations.person[chosen][place],
        np.full(place.size, theatre.model.kinds["chemo_colectomie"][0]),
        first=day,
        last=day,
        place=operations.place[chosen][place] % 40,
        cents=np.rint(price * 100),
        sessions=1,
        dr=theatre.model.acts["dp"][operations.act[chosen]][place],
    )


def long_stays(theatre: Theatre, *, to_ssr: Array) -> PlannedLong:
    """Rehabilitation of those who go there, and home hospitalisation of some: within the window."""
    operations, rng, end = theatre.operations, theatre.rng, theatre.end()
    ssr = np.flatnonzero(to_ssr)
    shape = theatre.of("ssr_shape")[ssr]
    eur = theatre.of("ssr_eur")[ssr] * rng.gamma(shape, 1 / shape)
    days = np.clip(np.rint(eur / SSR_DAY_EUR), 5, LONGEST_SSR).astype(np.int64)
    home = np.flatnonzero(rng.random(operations.size) < theatre.chance.home)
    weight = rng.gamma(2.0, 0.5, home.size)
    length = np.maximum(np.rint(HAD_DAYS * weight), 1).astype(np.int64)
    chosen = np.concatenate([ssr, home])
    first = operations.exit[chosen]
    last = np.minimum(first + np.concatenate([days, length]), np.maximum(end[chosen], first))
    cents = np.concatenate([eur, weight * theatre.of("had_eur")[home]]) * 100
    return PlannedLong(
        person=operations.person[chosen],
        programme=operations.programme[chosen],
        is_home=np.concatenate([np.zeros(ssr.size), np.ones(home.size)]).astype(np.int64),
        first=first,
        last=last,
        cents=np.rint(cents).astype(np.int64),
        dp=theatre.model.acts["dp"][operations.act[chosen]],
    )


def goes_to_ssr(theatre: Theatre) -> Array:
    """Whether each operation is followed by rehabilitation: the chance of its establishment, mean 1 over them."""
    operations = theatre.operations
    chance = practised(
        theatre.model, theatre.chance.rehabilitation, is_private=operations.is_private, place=operations.place
    )
    return np.asarray(theatre.rng.random(operations.size) < chance)
