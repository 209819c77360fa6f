"""What PEPS pays for a year: every team under the rules of its own scheme of the family."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pandas as pd

from features.tables import FORFAITS
from schemes.amounts import Amount, Payment
from schemes.frames import refuse
from schemes.money import total_eur
from schemes.peps.amount import Case, patient_rows, walk, warnings
from schemes.peps.eligibility import failed_gates, members_of
from schemes.peps.exact import euros
from schemes.peps.fidelisation import fidelisation
from schemes.peps.figures import FAMILIES, figures
from schemes.peps.forfait import forfaits, k_cal_of
from schemes.peps.frames import FRAMES, checked
from schemes.peps.local import local_by_patient, zone_coefficients
from schemes.peps.patients import check_patients, is_zone_unknown, select
from schemes.peps.team import Refusal, Team, teams_in
from schemes.rulebook import Rules

Frames = Mapping[str, pd.DataFrame]
Paid = tuple[Amount, pd.DataFrame]


def pay(inputs: Frames, *, year: int, rules: Mapping[str, Rules]) -> Payment:
    """What each team of the PEPS family is paid for a year; the same bytes whatever the order of the rows.

    `inputs` holds the frames participations, teams, patients, reference, zones and fee_for_service; modules
    (structure_id, module, amount_cents) and families (structure_id, family, mean_eur) may be given. `rules` holds
    the rules of each scheme of the family: peps, peps2, primordial, capitation.

    payable = max(min(Σ base × fidelisation × local + quality + activity + modules, cap), floor); the phases say
    what is due of it. A team that fails a gate is in `refused`, one row per reason, and has no amount. Patients who
    are not paid for are counted in `excluded`, by structure and reason; paid and excluded are all the patients.
    Rule: PEPS, how the forfait is computed. Errors: InputError naming frame, column and row; RuleError for a scheme
    without rules or a parameter out of its values.
    """
    frames = {name: checked(name, inputs) for name in FRAMES}
    _check_families(frames["families"])
    teams, refused = teams_in(frames["participations"], year=year, rules=rules)
    check_patients(frames["patients"], teams, frames["zones"])
    frames["patients"] = frames["patients"].sort_values(["structure_id", "patient_id"], ignore_index=True)
    by_structure = {str(name): mine for name, mine in frames["patients"].groupby("structure_id", sort=True)}
    refusals, excluded, paid = list(refused), [], []
    for team in teams:
        mine = by_structure.get(team.structure_id, frames["patients"].iloc[:0])
        chosen, left_out = select(mine, team, year)
        outcome = _outcome(team, chosen, left_out, frames=frames, year=year)
        if isinstance(outcome, list):
            refusals += outcome
        else:
            paid.append(outcome)
            excluded += [(team.structure_id, reason, count) for reason, count in left_out.items()]
    excluded += _whole_lists(by_structure, paid, [structure for structure, _, _ in refusals])
    return _payment(paid, refusals, excluded)


def _outcome(
    team: Team, chosen: pd.DataFrame, left_out: dict[str, int], *, frames: Frames, year: int
) -> Paid | list[Refusal]:
    """Amount and rows of a team, or every reason why it has none."""
    members = members_of(team, frames["teams"])
    if failed := failed_gates(team, members, len(chosen)):
        return [(team.structure_id, reason, detail) for reason, detail in failed]
    assert members is not None
    rates = fidelisation(chosen, first_day=team.first_day, last_day=team.last_day, rules=team.rules)
    if rates is None:
        return [(team.structure_id, "no_care_measured", "no in-scope care that counts, and no start-up schedule")]
    k_cal = k_cal_of(team, frames["reference"])
    local = local_by_patient(chosen, zone_coefficients(frames["zones"], team.rules), team.rules)
    case = Case(
        team=team, year=year, patients=chosen, members=members, excluded=left_out, k_cal=k_cal, rates=rates,
        zone_unknown=int(is_zone_unknown(chosen, frames["zones"]).sum()),
        forfaits=forfaits(chosen, rates, team=team, k_cal=k_cal, local=local),
        former=_former(frames["fee_for_service"], team), modules_eur=_modules(frames["modules"], team),
        families=_families(frames["families"], team),
    )  # fmt: skip
    amount = _amount(case)
    return amount, patient_rows(case, amount)


def _amount(case: Case) -> Amount:
    steps, payable = walk(case)
    return Amount(
        structure_id=case.team.structure_id,
        scheme=case.team.scheme,
        year=case.year,
        components=tuple(steps.components),
        figures=figures(case, payable),
        warnings=warnings(case, steps),
    )


def _former(fee_for_service: pd.DataFrame, team: Team) -> dict[str, float | None]:
    rows = fee_for_service[fee_for_service["structure_id"] == team.structure_id]
    return {} if rows.empty else {str(name): value for name, value in rows.iloc[0].items() if name != "structure_id"}


def _modules(modules: pd.DataFrame, team: Team) -> Decimal:
    return euros(int(modules.loc[modules["structure_id"] == team.structure_id, "amount_cents"].sum()))


def _families(families: pd.DataFrame, team: Team) -> dict[str, Decimal]:
    rows = families[families["structure_id"] == team.structure_id]
    return {family: total_eur([eur]) for family, eur in zip(rows["family"], rows["mean_eur"], strict=True)}


def _check_families(families: pd.DataFrame) -> None:
    unknown = ~families["family"].isin(FAMILIES).to_numpy()
    refuse("families", "family", unknown, f"one of {', '.join(FAMILIES)}")


def _whole_lists(
    by_structure: Mapping[str, pd.DataFrame], paid: list[Paid], refused: list[str]
) -> list[tuple[str, str, int]]:
    """Lists of which nobody is paid for: of a refused team, or of a structure that does not take part."""
    amounts = {amount.structure_id for amount, _ in paid}
    return [
        (structure, "structure_refused" if structure in refused else "no_participation", len(patients))
        for structure, patients in by_structure.items()
        if structure not in amounts
    ]


def _payment(paid: list[Paid], refused: list[Refusal], excluded: list[tuple[str, str, int]]) -> Payment:
    ordered = sorted(paid, key=lambda one: one[0].structure_id)
    columns = FORFAITS.column_names
    rows = [rows[columns] for _, rows in ordered]
    return Payment(
        amounts=tuple(amount for amount, _ in ordered),
        forfaits=pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns),
        refused=pd.DataFrame(sorted(refused), columns=["structure_id", "reason", "detail"]),
        excluded=pd.DataFrame(sorted(excluded), columns=["structure_id", "reason", "patients"]),
    )
