"""How often a caller may ask."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given
from hypothesis import strategies as st

from features.errors import RuleError
from serving.access.callers import Caller, DeniedError
from serving.access.rates import rates_of
from tests.serving.access_made import closed

PAYER, OTHER = Caller("payments", "payer", None), Caller("other", "payer", None)


def test_a_caller_beyond_its_rate_waits():
    """Three a minute: the fourth is told how many seconds until the first one leaves the window."""
    rates = rates_of("3/minute", "1/minute")
    for _ in range(3):
        rates.count(PAYER)
    with pytest.raises(DeniedError) as denied:
        rates.count(PAYER)
    assert (denied.value.status, denied.value.caller) == (429, PAYER)
    assert 58 <= denied.value.wait_seconds <= 60
    rates.count(OTHER)
    rates.count(Caller("payments", "payer", None, "https://idp.example"))


def test_the_window_moves_with_the_clock():
    """Two a minute, let in at 0 s and 40 s: at 59.5 s one waits 1 s, at 60 s the first has left, at 61 s two are in."""
    moments = iter([0.0, 40.0, 59.5, 60.0, 61.0, 100.0])
    rates = rates_of("2/minute", "1/minute", timer=lambda: next(moments))
    waits = [rates.callers.wait_seconds(("forfait", "payments")) for _ in range(6)]
    assert waits == [0, 0, 1, 0, 39, 0]


def test_who_no_longer_comes_is_forgotten():
    """What is kept of callers does not grow with those that ever called."""
    moments = iter([1.0, 2.0, 30.0, 61.5, 62.0])
    rates = rates_of("2/minute", "1/minute", timer=lambda: next(moments))
    for name in ("a", "b", "a", "c", "a"):
        rates.callers.wait_seconds(("forfait", name))
    assert {key: list(entered) for key, entered in rates.callers.entered.items()} == {
        ("forfait", "a"): [30.0, 62.0],
        ("forfait", "c"): [61.5],
        ("forfait", "b"): [2.0],
    }


@given(st.lists(st.floats(0, 90, allow_nan=False, width=32), min_size=1, max_size=60), st.integers(1, 8))
def test_no_window_holds_more_than_the_rate(gaps: list[float], most: int):
    """Whenever they come: among those let in, any minute holds `most` at most, and no one is refused below it."""
    moments = list(accumulate(gaps))
    timer = iter(moments)
    rates = rates_of(f"{most}/minute", "1/minute", timer=lambda: next(timer))
    entered: list[float] = []
    for moment in moments:
        within = sum(earlier > moment - 60 for earlier in entered)
        wait = rates.callers.wait_seconds(("forfait", "payments"))
        assert (wait == 0) == (within < most)
        assert 0 <= wait <= 60
        if not wait:
            entered.append(moment)


def test_a_rate_of_none_lets_nobody_in():
    """0 a minute: a whole window to wait, each time."""
    assert [rates_of("0/minute", "1/minute").callers.wait_seconds(("forfait", "a")) for _ in range(2)] == [60, 60]


def test_strangers_share_one_rate_and_take_none_from_callers():
    """No address of theirs is kept."""
    rates = rates_of("1/minute", "2/minute")
    rates.count_stranger()
    rates.count_stranger()
    with pytest.raises(DeniedError, match="too_many_strangers"):
        rates.count_stranger()
    rates.count(PAYER)


@pytest.mark.parametrize("text", ["", "many", "12/fortnight", "-1/minute"])
def test_a_rate_that_is_none_names_its_setting(text: str):
    """When the service starts, not at the first request."""
    with pytest.raises(RuleError, match="FORFAIT_RATE_STRANGERS is not a rate"):
        rates_of("1/minute", text)


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
