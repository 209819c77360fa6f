"""How often a caller may ask."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from features.errors import RuleError
from serving.access.callers import Caller, DeniedError
from serving.access.rates import rates_of
from tests.serving.access_made import closed

PAYER, OTHER = Caller("payments", "payer", None), Caller("other", "payer", None)


def now() -> datetime:
    return datetime.now(UTC)


def test_a_caller_beyond_its_rate_waits():
    """Three a minute: the fourth is told how many seconds until the first one leaves the window."""
    rates = rates_of("3/minute", "1/minute", clock=now)
    for _ in range(3):
        rates.count(PAYER)
    with pytest.raises(DeniedError) as denied:
        rates.count(PAYER)
    assert (denied.value.status, denied.value.caller) == (429, PAYER)
    assert 58 <= denied.value.wait_seconds <= 60
    rates.count(OTHER)
    rates.count(Caller("payments", "payer", None, "https://idp.example"))


def test_strangers_share_one_rate_and_take_none_from_callers():
    """No address of theirs is kept."""
    rates = rates_of("1/minute", "2/minute", clock=now)
    rates.count_stranger()
    rates.count_stranger()
    with pytest.raises(DeniedError, match="too_many_strangers"):
        rates.count_stranger()
    rates.count(PAYER)


@pytest.mark.parametrize("text", ["", "many", "12/fortnight", "-1/minute"])
def test_a_rate_that_is_none_names_its_setting(text: str):
    """When the service starts, not at the first request."""
    with pytest.raises(RuleError, match="FORFAIT_RATE_STRANGERS is not a rate"):
        rates_of("1/minute", text, clock=now)


def test_over_http_a_flood_is_one_row(versions: Path, tmp_path: Path):
    """429 and Retry-After; ten refusals of one kind in a batch are one row that counts them."""
    with start_blocking_portal() as portal:
        service = closed(tmp_path, versions, portal, rate="2/minute", rate_strangers="1/minute")
        token = service.token("busy", "auditor")
        mine = [service.call("GET", "/models", token) for _ in range(4)]
        assert [answer.status_code for answer in mine] == [200, 200, 429, 429]
        assert 1 <= int(mine[-1].headers["retry-after"]) <= 60
        strangers = [service.call("GET", "/models") for _ in range(4)]
        assert [answer.status_code for answer in strangers] == [401, 429, 429, 429]
        assert strangers[-1].headers["retry-after"] == "60"
        assert service.call("GET", "/healthz").status_code == 200
        found = service.accesses(only_denied=True)
    counted = found.groupby(["caller", "reason"])["count"].sum().to_dict()
    assert counted == {("", "no_token"): 1, ("", "too_many_strangers"): 3, ("busy", "too_many"): 2}
