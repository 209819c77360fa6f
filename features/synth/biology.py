"""ER_BIO_F: what each line of biology held. Diabetics have mostly HbA1c tests; others have ordinary tests."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.synth.arrow import at, integers
from features.synth.claims import Claims
from features.synth.lines import ORDINARY, Stage
from features.synth.model import Array

BIOLOGY = 3211
DIABETES = ("diabetes", "diabetes_complicated")
HBA1C = 1577
ORDINARY_TESTS = (552, 592)  # glycaemia, creatinine
HBA1C_SHARE = 0.9  # of a diabetic's lines: about 70 % of those treated then have two tests or more a year


def biology_details(stage: Stage, claims: Claims, key: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Columns of ER_BIO_F: one row per line of biology, whatever becomes of the line.

    The draw has its own generator, so that the other tables do not depend on it.
    """
    lines = claims.lines
    places = np.flatnonzero((lines.act == BIOLOGY) & (lines.kind == ORDINARY))
    rng = stage.rng.spawn(1)[0]
    is_hba1c = _is_diabetic(stage, lines.person[places]) & (rng.random(places.size) < HBA1C_SHARE)
    usual = np.array(ORDINARY_TESTS)[rng.integers(0, len(ORDINARY_TESTS), places.size)]
    drawn = np.where(is_hba1c, HBA1C, usual)
    return {
        **at(key, places),
        "BIO_ORD_NUM": integers(np.ones(places.size)),
        "BIO_PRS_IDE": integers(np.where(lines.test[places] > 0, lines.test[places], drawn)),
        "BIO_ACT_QSN": integers(claims.sign[places]),
    }


def _is_diabetic(stage: Stage, person: Array) -> Array:
    """Whether each person has diabetes on 1 January."""
    conditions = [stage.model.conditions.index(name) for name in DIABETES]
    has = np.asarray((stage.state.present[:, conditions] > 0).any(axis=1))
    return np.asarray(has[stage.row_of[person]])
