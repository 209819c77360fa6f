"""What `forfait train` shows of a model of episodes in a terminal of 80 columns."""

from __future__ import annotations

import pandas as pd
from rich.console import Console

from training.episodes.report import MODELS_FR, narrowed
from training.report import tables_of

FIT = pd.DataFrame(
    {
        "Modèle": list(MODELS_FR.values()),
        **dict.fromkeys(["R² dans les strates", "de", "à", "R² d'ensemble", "R², coûts entiers", "CPM"], "-0,1234"),
        "Erreur absolue (€)": "12 345",
        "Pente": "1,023",
        "Attendu / observé": "1,0023",
    }
)


def test_the_fit_is_read_in_a_terminal_of_80_columns():
    """Nothing is cut: each model is one line with its R² and interval, CPM, error, slope and total ratio."""
    console = Console(width=80)
    with console.capture() as shown:
        for one in tables_of("", {}, {"Ajustement": narrowed(FIT)})[1:]:
            console.print(one)
    assert "…" not in shown.get()
    lines = [line for line in shown.get().splitlines() if "1,0023" in line]
    assert [line.split()[1] for line in lines] == ["LightGBM", "GLM", "Moyenne", "Oracle"]
    assert all(line.count("-0,1234") == 4 and "12 345" in line and "1,023 " in line for line in lines)


def test_a_table_without_models_keeps_its_columns():
    frame = pd.DataFrame({"Référence": ["a"], "de": ["0,1"]})
    assert narrowed(frame).equals(frame)
