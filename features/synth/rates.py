"""How often each trap of the SNDS is planted in the fictional tables."""

from __future__ import annotations

from dataclasses import dataclass, fields

from features.errors import InputError


@dataclass(frozen=True)
class Rates:
    """Shares, 0 to 1, of the rows of the table named by the prefix (line_: ER_PRS_F, stay_: T_MCOaa…).

    `line_` rates count planted rows per ordinary line; `person_` rates count persons; the others count rows of
    their table. Numbers of the pitfalls: specs/snds.md §3. Errors: InputError outside 0 to 1.
    """

    line_reversal_full: float = 0.004
    line_reversal_partial: float = 0.001
    line_information_only: float = 0.010
    line_hospital_in_pmsi: float = 0.010
    line_late_flux: float = 0.005
    line_fictitious: float = 0.002
    line_unknown_person: float = 0.001
    line_payment_without_act: float = 0.006
    line_cash_benefit: float = 0.010
    line_participation: float = 0.250
    line_health_centre: float = 0.010
    pack_unknown: float = 0.002
    person_second_pseudonym: float = 0.030
    person_twin: float = 0.006
    person_fictitious: float = 0.002
    ald_other_exemption: float = 0.050
    ald_unknown_person: float = 0.004
    ald_number_missing: float = 0.030
    ald_unallocated: float = 0.003
    ald_sentinel_end: float = 0.600
    ald_duplicate: float = 0.010
    contract_empty: float = 0.010
    contract_unknown_person: float = 0.003
    cover_other: float = 0.050
    cover_unknown_person: float = 0.003
    stay_finess_duplicate: float = 0.050
    stay_ghm_error: float = 0.003
    stay_inter_establishment: float = 0.003
    stay_anonymous: float = 0.002
    stay_return_code: float = 0.020
    stay_unknown_person: float = 0.001
    stay_not_valued: float = 0.005
    stay_cost_outlier: float = 0.000001

    def __post_init__(self) -> None:
        """Refuses a rate outside 0 to 1."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value <= 1.0:
                raise InputError(f"rate {field.name} is {value}; it is a share, from 0 to 1")
