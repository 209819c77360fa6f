"""What a version pays for: one more code, past spending, and the proof of what it may not lower."""

from __future__ import annotations

import numpy as np

from features.scoring import Scorer
from training.evaluation.codes import added_codes, code_rows, past_returns, pool_rows
from training.evaluation.monotone import monotone_rows
from training.evaluation.record import Incentives
from training.population import Rows


def incentives_of(scorer: Scorer, rows: Rows, *, seed: int = 0) -> Incentives:
    """Codes, pools, return on past spending and monotone proof of a version, on patients it did not train on."""
    features = scorer.card.features
    added = added_codes(scorer.predict, rows.matrix, features, rows.exposure, seed=seed)
    mean = float(np.average(scorer.predict(rows.matrix), weights=rows.exposure))
    families = {known.name: known.family for known in features}
    directions = {known.name: known.monotone for known in features if known.monotone}
    return Incentives(
        codes=code_rows(added, features),
        pools=pool_rows(added, mean),
        past=past_returns(scorer.predict, rows.matrix, features, families, rows.exposure),
        monotone=monotone_rows(
            scorer.booster,
            [known.name for known in features],
            directions,
            labels={known.name: (known.label_fr, known.label_en) for known in features},
        ),
    )
