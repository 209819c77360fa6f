"""The page that ends the demo: self-contained HTML, in French, of what was made and where it lies."""

from __future__ import annotations

import json
import math
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import msgspec
import pandas as pd

from forfait.demo_episodes import PAID, flow_charts, models_table, paid_table
from forfait.demo_schemes import pages, payments_table
from serving.explanations import Explanation
from serving.french import euros, number
from serving.waterfall import waterfall_svg
from training.report import result_html

if TYPE_CHECKING:
    from forfait.demo import Made

PLACES = (
    ("Données brutes", "data/snds"),
    ("Jeux de données nettoyés et calculés", "data"),
    ("Paiements, grand livre et comptes", "data/payments"),
    ("Relevés des structures", "data/statements"),
    ("Pays des épisodes : soins, épisodes, paiements, relevés", "episodes"),
    ("Versions gelées et registre", "mlruns/versions"),
    ("Suivi MLflow", "mlruns/mlflow.db"),
    ("Question posée au service", "request.json"),
    ("Journal du service", "mlruns/service.log"),
)
CALIBRATION_COLUMNS = {
    "quantity": "Grandeur",
    "group": "Groupe",
    "unit": "Unité",
    "target": "Cible",
    "obtained": "Obtenu",
    "ratio": "Rapport",
    "is_met": "Dans la bande",
    "source": "Source",
}
ORACLE_COLUMNS = {
    "judged_on": "Sur",
    "patients": "Patients",
    "model_r2": "R² du modèle",
    "oracle_r2": "R² de l'oracle",
    "share": "Part atteinte",
}
JUDGED_ON = {
    "test_year": "l'année non vue (patients connus par leur passé)",
    "held_out": "des patients tenus à l'écart",
}
EFFECTS = {"in": "reçu", "dropped": "écarté", "netted": "compensé", "flagged": "signalé", "kept": "gardé"}
CONTROL_COLUMNS = {
    "source_table": "Table",
    "control": "Contrôle",
    "effect": "Effet",
    "rows_hit": "Lignes",
    "reimbursed_eur": "Remboursé (€)",
    "detail": "Détail",
}


def write_page(made: Made, *, model: str, year: int, peak_gib: float) -> Path:
    """Path of `index.html` in the folder of the demo."""
    template = files("forfait").joinpath("templates/demo.html").read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(template)
    path = made.folder / "index.html"
    seconds = sum(step[-1] for step in made.steps)
    path.write_text(
        page.render(
            seconds=number(seconds, 0),
            peak=number(peak_gib, 1),
            year=year,
            tiles=_tiles(made),
            line=_line_of_data(),
            steps=_table(pd.DataFrame(made.steps, columns=["Étape", "Où", "Secondes"])),
            calibration=_table(_calibration(made.frames["calibration"])),
            targets_met=f"{int(made.frames['calibration']['is_met'].sum())} sur {len(made.frames['calibration'])}",
            controls=_table(_controls(made.frames["read_report"])),
            training=result_html(made.training) if made.training else "",
            oracle=_table(made.frames["oracle"].replace({"judged_on": JUDGED_ON}).rename(columns=ORACLE_COLUMNS)),
            structures=_table(_structures(made.frames["structures"])),
            payments=_table(payments_table(made)),
            pages=pages(made),
            episodes_year=PAID,
            flow_charts=flow_charts(made),
            episode_models=_table(models_table(made)),
            episodes_paid=_table(paid_table(made)),
            places=_table(
                pd.DataFrame([(what, str(made.folder / where)) for what, where in PLACES], columns=["Quoi", "Où"])
            ),
            next_commands=_next_commands(made, model, year),
            **_served(made),
        ),
        encoding="utf-8",
    )
    return path


def _tiles(made: Made) -> list[tuple[str, str]]:
    report, oracle = made.frames["read_report"], made.frames["oracle"]
    claims = report[report["source_table"] == "ER_PRS_F"].set_index("control")["rows_hit"]
    tiles = [
        ("lignes de soins reçues", number(claims["rows_in"], 0)),
        ("lignes gardées pour l'année", number(claims["kept"], 0)),
        (
            "du R² de l'oracle, sur des patients tenus à l'écart",
            f"{number(100 * oracle['share'].iloc[-1], 1)} %",
        ),
    ]
    if made.training:
        fit = made.training.test.fit.set_index("model")["r2"].to_dict()
        tiles.append(("R² sur l'année non vue", number(fit["lightgbm"], 3)))
    return tiles


def _line_of_data() -> str:
    """The drawing of the README, where the project's docs are at hand; nothing in an installed package."""
    drawing = Path(__file__).parent.parent / "docs" / "line-of-data.svg"
    return drawing.read_text(encoding="utf-8") if drawing.exists() else ""


def _calibration(report: pd.DataFrame) -> pd.DataFrame:
    shown = report.assign(is_met=report["is_met"].map({True: "oui", False: "non"}))
    return shown[list(CALIBRATION_COLUMNS)].rename(columns=CALIBRATION_COLUMNS)


def _controls(report: pd.DataFrame) -> pd.DataFrame:
    """Controls that met something, with their euros."""
    shown = report[(report["rows_hit"] > 0) | report["control"].isin(["rows_in", "kept"])]
    shown = shown.assign(reimbursed_eur=shown["reimbursed_cents"] / 100, detail=shown["detail"].fillna(""))
    shown["effect"] = shown["effect"].map(EFFECTS)
    is_priced = shown.groupby("source_table")["reimbursed_cents"].transform("any")
    shown["reimbursed_eur"] = shown["reimbursed_eur"].where(is_priced)
    return shown[list(CONTROL_COLUMNS)].rename(columns=CONTROL_COLUMNS)


def _structures(summary: pd.DataFrame) -> pd.DataFrame:
    """One row per structure, one column per family; the nation first."""
    wide = summary.pivot_table(
        index=["structure_id", "patients"], columns="label_fr", values="mean_eur", sort=False
    ).reset_index()
    gap = summary[summary["family"] == "total"].set_index("structure_id")["difference_eur"]
    wide["Écart avec la nation"] = wide["structure_id"].map(gap)
    return wide.rename(columns={"structure_id": "Structure", "patients": "Patients"}).replace(
        {"Structure": {"*": "Nation"}}
    )


def _served(made: Made) -> dict[str, str]:
    answer, predicted = made.served["answer"], made.served["predicted"]
    batch_eur = float(made.served["batch_eur"])  # type: ignore[arg-type]
    served_eur = float(predicted["expected_eur"][0])  # type: ignore[index]
    explanation = msgspec.convert(answer["explanations"][0], Explanation)  # type: ignore[index]
    return {
        "waterfall": waterfall_svg(explanation),
        "served_eur": euros(served_eur),
        "batch_eur": euros(batch_eur),
        "gap": f"{abs(served_eur - batch_eur):g} €",
        "request": json.dumps(made.served["request"], indent=1, ensure_ascii=False),
        "answer": json.dumps(answer, indent=1, ensure_ascii=False),
        **_decided(made),
    }


def _decided(made: Made) -> dict[str, str]:
    decision: Any = made.served["decision"]
    replayed: Any = made.served["replayed"]
    kept = {name: decision[name] for name in ("id", "recorded_at", "caller", "versions", "previous_hash", "hash")}
    return {
        "decision_number": number(decision["number"], 0),
        "decision": json.dumps(kept, indent=1, ensure_ascii=False),
        "replayed": "à l'octet près" if replayed["is_same_bytes"] else "avec des écarts",
    }


def _next_commands(made: Made, model: str, year: int) -> str:
    settings = f"--versions {made.versions}"
    return "\n".join(
        [
            f"forfait in-force {model} --on {year}-06-30 {settings}",
            f"FORFAIT_ACCESS=open forfait serve {settings}",
            f"forfait ledger verify {settings}",
            f"mlflow ui --backend-store-uri sqlite:///{made.folder}/mlruns/mlflow.db",
        ]
    )


def _table(frame: pd.DataFrame) -> str:
    """A frame as an HTML table; numbers in French, to the right."""
    numeric = {name: frame[name].dtype.kind in "iuf" for name in frame.columns}
    heads = "".join(f"<th{' class=n' if numeric[name] else ''}>{escape(str(name))}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(_cell(value, numeric[name]) for name, value in zip(frame.columns, row, strict=True)) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value: object, is_number: bool) -> str:
    if not is_number:
        return f"<td>{escape(str(value))}</td>"
    figure = float(value)  # type: ignore[arg-type]
    if not math.isfinite(figure):
        return "<td class=n>–</td>"
    digits = 0 if figure.is_integer() else 2 if abs(figure) >= 10 else 3
    return f"<td class=n>{number(figure, digits)}</td>"
