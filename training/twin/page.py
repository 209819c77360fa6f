"""The twin as one HTML page: what is published first, then what publishing it would cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from features.errors import InputError
from features.versions import EPISODE_UNIT
from training.evaluation.page_tables import Table
from training.evaluation.wording import number, written
from training.pages import page_template
from training.twin.make import GRID, SCORECARD
from training.twin.picture import twin_svg
from training.twin.record import Example, Twin, TwinRow
from training.twin.scorecard import WOMAN, score
from training.twin.tables import (
    FEW_CELLS,
    cell_table,
    fidelity_table,
    gap_table,
    points_blocks,
    rival_table,
)
from training.twin.wording import cents_words, label_of, line_words, per_unit, points_words, texts

PACKAGE = Path(__file__).parent
KINDS = (SCORECARD, GRID)
READ_BY_GRID = ("age", "ald_count", "c2s_free", "c2s_participative", "c2s_unknown", "carto_count")
FIRST_ROWS = 12
PATH_AT = (5, 10, 15, 20, 25, 30, 40)


def twin_html(twin: Twin, kind: str = SCORECARD, language: str = "fr") -> str:
    """The page of one kind of twin: no script, nothing fetched, the same bytes for the same record.

    Errors: InputError for another kind or language, or a grid that was not made.
    """
    row = next((row for row in twin.twins if row.kind == kind), None)
    if row is None:
        raise InputError(f"--kind {kind!r}: choose one of {', '.join(row.kind for row in twin.twins)}")
    return page_template(PACKAGE, "twin.html").render(page=page_of(twin, row, language), w=texts(language))


def page_of(twin: Twin, row: TwinRow, language: str) -> dict[str, Any]:
    """What the template shows, in words."""
    words = texts(language)
    title = twin.title_fr if language == "fr" else twin.title_en
    return {
        "language": language,
        "kind": row.kind,
        "title": words[f"title_{row.kind}"],
        "subtitle": words["subtitle"].format(title=title, version=twin.version, year=twin.year),
        "lead": words[f"lead_{row.kind}"],
        "verdict": {"status": twin.beats_grid.verdict, "sentence": words[twin.beats_grid.verdict],
                    "detail": _advantage(twin, language)},
        "tiles": _tiles(twin, row, language),
        **_published(twin, row, language),
        "examples": [_example(twin, example, row.kind, language) for example in twin.examples],
        "examples_lead": words["examples_lead"],
        "close": fidelity_table(twin, language),
        "spending": rival_table(twin, language),
        "cap": words["no_cap"] if twin.cap_eur is None else
        words["cap"].format(cap=written(twin.cap_eur, "EUR", language)),
        "path": words["path"].format(path=_path(twin, language)) if row.kind == SCORECARD else "",
        "picture": twin_svg(row, language),
        **_gaps(twin, row, language),
        "method": _method(twin, row, language),
        "not_measured": [words[f"missing_{name}"] for name in twin.not_measured],
        "hash": twin.version_hash,
    }  # fmt: skip


def _tiles(twin: Twin, row: TwinRow, language: str) -> list[tuple[str, str]]:
    words, of = texts(language), {rival.model: rival for rival in twin.rivals}
    lost = f"{number(of[twin.model].r2, 3, language)} → {number(of[row.kind].r2, 3, language)}"
    return [
        (written(row.fidelity.r2, "share", language), words["tile_r2"]),
        (written(row.fidelity.within_10, "share", language), words["tile_within"]),
        (written(row.fidelity.moved_share, "share", language), words["tile_moved"]),
        (lost, words["tile_lost"]),
    ]


def _advantage(twin: Twin, language: str) -> str:
    figures: dict[str, str] = {}
    for name, gain in (("r2", twin.beats_grid.r2_gain), ("cpm", twin.beats_grid.cpm_gain)):
        ends = {name: gain.value, f"{name}_low": gain.low, f"{name}_high": gain.high}
        figures |= {key: written(value, "1", language, signed=True) for key, value in ends.items()}
    return texts(language)["beats"].format(**figures)


def _published(twin: Twin, row: TwinRow, language: str) -> dict[str, Any]:
    words, card = texts(language), twin.scorecard
    day = {"day": per_unit(twin, "day", language)}
    if row.kind == GRID:
        counts = {"shown": min(FEW_CELLS, len(twin.cells)), "all": len(twin.cells)}
        more = words["cells_cut"].format(**counts) if len(twin.cells) > FEW_CELLS else ""
        return {"cells": cell_table(twin, language), "points_lead": words["cells_lead"].format(**day), "cut": more}
    floor = words["no_floor"]
    if card.floor_cents is not None:
        floor = words["floor"].format(floor=cents_words(card.floor_cents, language))
    return {
        "points_lead": words["points_lead"].format(**day),
        "base": cents_words(card.base_cents, language) + " " + per_unit(twin, "unit", language),
        "blocks": [{"title": title, "table": table} for title, table in points_blocks(twin, language)],
        "floor": floor,
    }


def _example(twin: Twin, example: Example, kind: str, language: str) -> dict[str, Any]:
    words = texts(language)
    found = score(twin.scorecard, example.values)
    rows = [(words["base"], cents_words(twin.scorecard.base_cents, language))]
    rows += [(line_words(twin, line, language), points_words(line.points_eur, language)) for line in found.lines]
    total = cents_words(found.cents, language)
    others = [words["by_model"].format(amount=cents_words(round(100 * example.model_eur), language))]
    if kind == GRID and example.grid_eur is not None:
        total = cents_words(round(100 * example.grid_eur), language)
        rows = [(words["in_cell"].format(cell=example.cell), total)]
        others.append(words["by_scorecard"].format(amount=cents_words(found.cents, language)))
    elif example.grid_eur is not None:
        amount = cents_words(round(100 * example.grid_eur), language)
        others.append(words["by_grid"].format(amount=amount, cell=example.cell))
    return {
        "title": words[f"example_{example.name}"],
        "of": words["example_of"].format(count=number(example.group_patients, 0, language)),
        "portrait": _portrait(twin, example, language),
        "rows": rows,
        "total": total,
        "others": (" ; " if language == "fr" else "; ").join(others) + ".",
    }


def _portrait(twin: Twin, example: Example, language: str) -> str:
    """What scorecard and grid read of the patient, in words: numbers with their value, flags by name where true."""
    read = {line.feature for line in twin.scorecard.lines} | set(READ_BY_GRID)
    words = texts(language)
    parts: list[str] = []
    for name, value in example.values.items():
        if name == WOMAN:
            parts.insert(0, words["one_women" if value == 1 else "one_men"])
        elif name in read and twin.kinds[name] == "flag":
            parts += [label_of(twin, name, language)] if value else []
        elif name in read:
            shown = value if isinstance(value, str) else number(value, 0 if value == round(value) else 2, language)
            parts.append(f"{label_of(twin, name, language)}{words['colon']}{shown}")
    return (" ; " if language == "fr" else "; ").join(parts) + "."


def _path(twin: Twin, language: str) -> str:
    shown = sorted({at for at in (*PATH_AT, len(twin.path_r2)) if at <= len(twin.path_r2)})
    joint = " ; " if language == "fr" else "; "
    return joint.join(f"{at}{texts(language)['colon']}{number(twin.path_r2[at - 1], 3, language)}" for at in shown)


def _gaps(twin: Twin, row: TwinRow, language: str) -> dict[str, Table]:
    ordered = sorted(row.groups, key=lambda gap: -abs(gap.gap_share or 0.0))
    return {
        "groups": gap_table(twin, ordered[:FIRST_ROWS], language),
        "groups_rest": gap_table(twin, ordered[FIRST_ROWS:], language),
        "structures": gap_table(twin, row.structures[:FIRST_ROWS], language, is_structures=True),
        "structures_rest": gap_table(twin, row.structures[FIRST_ROWS:], language, is_structures=True),
    }


def _method(twin: Twin, row: TwinRow, language: str) -> list[str]:
    words = texts(language)
    known = {"training": ", ".join(map(str, twin.training_years)), "last": max(twin.training_years)}
    judged = {
        "patients": number(twin.patients, 0, language),
        "people": per_unit(twin, "people", language),
        "year": twin.year,
        "draws": twin.draws,
        "seed": twin.seed,
    }
    levelled = [words["levelled"]] if twin.unit == EPISODE_UNIT else []
    return [words[f"method_{row.kind}"].format(**known), words["method_judged"].format(**judged), *levelled,
            words["limits"]]  # fmt: skip
