"""The pages for auditors without a browser: figures recomputed by hand, masks, scope, the cookie, the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal

from features.scoring import Scorer
from features.versions import CardFeature
from schemes.statements.document import Masked
from serving.access.callers import Caller, DeniedError
from serving.access.cookies import COOKIE, cookie_of, credential_of
from serving.access.rights import BY_ROUTE, Right
from serving.auditing.account import account_of
from serving.auditing.cases import Case, Part
from serving.auditing.changes import changes_of, values_to_try
from serving.auditing.sign_in import is_own
from serving.auditing.structure import _counts, is_small, leakage_of
from serving.auditing.typical import BARE, DECISION, REFERENCE, alike, bare, middle, typical_of
from serving.auditing.words import Words, texts
from serving.batch import ARROW, PARQUET
from serving.decisions.search import Wanted, search
from tests.serving.access_made import Service, closed
from tests.serving.auditing_made import LARGE, SMALL, decided, peps_request
from tests.serving.eds_made import bundles, episode, features_of, write_episode_versions
from tests.serving.made import FEATURES, body, freeze_log_link, rows_of
from tests.serving.schemes_made import asked, group, team, write_scheme_versions
from tests.serving.test_predict import arrow_of, parquet_of, table_of

FR, EN = Words("fr"), Words("en")
FORM = {"content-type": "application/x-www-form-urlencoded"}
PAGE = {"accept": "text/html"}


class Doubling:
    """A version whose euros can be worked out by hand: 10 × age + 500 × diabetes."""

    card = SimpleNamespace(features=FEATURES, reference_rows=(), link="identity")

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return 10 * matrix[:, 0] + 500 * matrix[:, 2]


def case(*rows: dict[str, object], number: int = 0) -> Case:
    """A case of the rows, under `Doubling`."""
    encoded = np.array([[row.get(f.name, 0) for f in FEATURES] for row in rows], dtype=float)
    part = Part(Doubling(), "", tuple(range(len(rows))), ({},) * len(rows), encoded)  # type: ignore[arg-type]
    return Case(part, number)


def test_changes_are_those_worked_out_by_hand():
    """Of a diabetic of 50 (1 000 €): age 0 gives 500, age 110 gives 1 600; no diabetes gives 500; the rest nothing."""
    found = changes_of(case({"age": 50, "ald_08": 1}))
    assert found.expected_eur == 1000.0
    told = [(c.feature.name, c.least, c.least_eur, c.most, c.most_eur) for c in found.moving]
    assert told == [("age", 0.0, 500.0, 110.0, 1600.0), ("ald_08", 0.0, 500.0, 1.0, 1000.0)]
    assert {feature.name for feature in found.still} == {feature.name for feature in FEATURES} - {"age", "ald_08"}
    assert found.unbounded == ()


def test_values_tried_stay_within_the_card():
    """The range of a number at 21 places, whole where its bounds are; nothing for a number without bounds."""
    number = CardFeature("n", "n", "n", "x", "number", low=0.0, high=40.0)
    assert values_to_try(number, 2.0) == [float(value) for value in range(0, 41, 2) if value != 2]
    assert values_to_try(CardFeature("n", "n", "n", "x", "number", low=0.0), 1.0) == []
    assert values_to_try(CardFeature("f", "f", "f", "x", "flag"), 1.0) == [0.0]
    assert values_to_try(CardFeature("c", "c", "c", "x", "category", categories=("a", "b", "c")), 1.0) == [0.0, 2.0]


def test_a_typical_patient_is_the_middle_of_eleven_of_the_same_age_and_sex():
    """Twelve women of 60 to 65, seven of them diabetic; a man and a woman of 80 are left out."""
    women = [{"age": 60 + n % 6, "is_woman": 1, "ald_08": int(n < 7), "ald_count": n, "c2s_free": 0} for n in range(12)]
    others = [{"age": 62, "is_woman": 0, "ald_count": 30}, {"age": 80, "is_woman": 1, "ald_count": 30}]
    found = typical_of(case({"age": 62, "is_woman": 1, "ald_count": 9, "c2s_free": 0}, *women, *others))
    assert (found.source, found.patients) == (DECISION, 12)
    assert found.matrix[0].tolist() == [62.0, 1.0, 1.0, 5.0, 0.0, 0.0, 0.0]


def test_under_eleven_alike_the_comparison_is_with_nothing_known():
    """Ten women of that age are too few: age and sex, and nothing else; the middle category that is known."""
    women = [{"age": 62, "is_woman": 1, "ald_08": 1, "ald_count": 3}] * 10
    found = typical_of(case({"age": 62, "is_woman": 1, "ald_08": 1}, *women))
    assert (found.source, found.patients) == (BARE, 0)
    assert found.matrix[0].tolist() == [62.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0]
    assert bare(FEATURES).tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]


def test_reference_patients_of_the_card_come_first():
    """Eleven reference rows of that age and sex are preferred to the rows of the decision."""
    one = case({"age": 40, "is_woman": 0, "ald_08": 1})
    references = tuple((40.0 + n % 3, 0.0, 0.0, float(n), 0.0, None, 1.0) for n in range(11))
    card = SimpleNamespace(features=FEATURES, reference_rows=references)
    part = Part(SimpleNamespace(card=card), "", (0,), ({},), one.part.matrix)  # type: ignore[arg-type]
    found = typical_of(Case(part, 0))
    assert (found.source, found.patients) == (REFERENCE, 11)
    assert np.array_equal(found.matrix[0], [40.0, 0.0, 0.0, 5.0, 0.0, np.nan, 1.0], equal_nan=True)


def test_alike_is_within_five_years_and_of_the_same_sex():
    """Missing is alike to missing alone; the middle of what is half missing is what is known."""
    rows = np.array([[45, 1], [44.9, 1], [55, 1], [50, 0], [50, np.nan]], dtype=float)
    assert alike(rows, np.array([50.0, 1.0]), FEATURES[:2]).tolist() == [True, False, True, False, False]
    assert alike(rows, np.array([50.0, np.nan]), FEATURES[:2]).tolist() == [False, False, False, False, True]
    assert middle(np.array([[1.0], [np.nan]]), FEATURES[5:6]).tolist() == [1.0]


def test_an_account_adds_up(scorer: Scorer):
    """Base, families and floor are the expected euros, for the patient and the typical one."""
    rows = rows_of(30)
    found = account_of(Case(Part(scorer, "", tuple(range(30)), ({},) * 30, scorer.encoder.rows(rows)), 3))
    for one in (found.mine, found.theirs):
        families = sum(total.contribution_eur for total in one.families)
        assert one.base_eur + families + one.floor_eur == pytest.approx(one.expected_eur, abs=1e-6)
    assert found.mine.expected_eur == pytest.approx(float(scorer.predict(scorer.encoder.rows(rows))[3]))


def test_counts_under_eleven_are_masked():
    """Few, all but few, and in a category the next smallest, so that the total does not give it away."""
    assert [is_small(held, 30) for held in (0, 1, 10, 11, 19, 20, 29, 30)] == [
        False, True, True, False, False, True, True, False,
    ]  # fmt: skip
    flag, category = FEATURES[2], FEATURES[6]
    assert _counts(flag, np.array([1.0] * 10 + [0.0] * 30), FR) == [
        ("ALD 8 : diabète".replace(" :", "\u00a0:"), Masked.SMALL, Masked.SMALL)
    ]
    [(_, held, part)] = _counts(flag, np.array([1.0] * 12 + [0.0] * 28), EN)
    assert (held, str(part)) == (12, "0.3")
    shown = [row[1] for row in _counts(category, np.array([0.0] * 4 + [1.0] * 12 + [2.0] * 40), EN)]
    assert shown == [Masked.SMALL, Masked.SMALL, 40]


def test_leakage_by_hand():
    """Eleven patients, 30 € of 120 € elsewhere; ten patients: nothing is said."""
    rows = [{"in_team_cents": 90_00, "outside_cents": 30_00}] * 11
    found = leakage_of([*rows, {"in_team_cents": None, "outside_cents": 5}])
    assert found is not None
    assert (found.patients, found.in_team_cents, found.outside_cents, found.share) == (11, 990_00, 330_00, 0.25)
    assert leakage_of(rows[:10]) is None


def test_both_languages_say_everything():
    """Every text has both, with the same places."""
    for key, both in texts().items():
        assert both["fr"].strip() and both["en"].strip(), key
        assert sorted(re.findall(r"\{(\w+)", both["fr"])) == sorted(re.findall(r"\{(\w+)", both["en"])), key


# The cookie.


def test_the_cookie_is_looked_at_for_pages_alone():
    """Not for a route that pays, nor for JSON, nor beside an Authorization header, which holds."""
    cookie = [(b"cookie", f"a=b; {COOKIE}=token-1".encode())]
    assert credential_of(cookie, BY_ROUTE["GET", "/audit"]) == "token-1"
    both = [*cookie, (b"authorization", b"Bearer other")]
    assert credential_of(both, BY_ROUTE["GET", "/audit"]) == "other"
    for right in BY_ROUTE.values():
        if right.method == "POST" or not right.is_page:
            with pytest.raises(DeniedError):
                credential_of(cookie, right)
    with pytest.raises(DeniedError):
        credential_of(cookie, Right("POST", "/audit", is_page=True))


@pytest.mark.parametrize("held", [f"{COOKIE}=a; {COOKIE}=b", f"{COOKIE}=a b", f"{COOKIE}=é", f"{COOKIE}={'a' * 3801}"])
def test_a_cookie_that_is_no_token_is_refused(held: str):
    """Two, a space, a letter that no token has, one too long."""
    with pytest.raises(DeniedError, match="malformed_header"):
        cookie_of([(b"cookie", held.encode("latin-1"))])


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"origin": "https://h", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://other"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
    ],
)
def test_a_form_of_another_site_is_not_ours(headers: dict[str, str], own: bool):
    """Nobody is signed in as another by a page elsewhere."""
    assert is_own(SimpleNamespace(headers={"host": "h", **headers})) is own  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("audit")
    with start_blocking_portal() as portal:
        yield closed(folder, write_scheme_versions(folder / "versions"), portal)


@pytest.fixture(scope="module")
def tokens(service: Service) -> dict[str, str]:
    return {
        "payer": service.token("payer", "payer"),
        "other": service.token("other", "payer"),
        "auditor": service.token("auditor", "auditor"),
        "bounded": service.token("bounded", "auditor", LARGE, SMALL),
        "half": service.token("half", "auditor", LARGE),
        "modeller": service.token("modeller", "modeller"),
    }


@pytest.fixture(scope="module")
def ids(service: Service, tokens: dict[str, str]) -> dict[str, str]:
    return decided(service.client, {"authorization": f"Bearer {tokens['payer']}"})


def test_signing_in_gives_a_cookie_and_the_page_judges_it(service: Service, tokens: dict[str, str]):
    """HttpOnly, Strict, Secure behind https; a wrong token is a 401 of the page, on record as any other."""
    body = urlencode({"token": f" {tokens['auditor']} ", "lang": "en"})
    answer = service.call("POST", "/sign-in", content=body, headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit?lang=en")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={tokens['auditor']};")
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Secure" not in cookie and "Max-Age" not in cookie
    behind = service.call("POST", "/sign-in", content=body, headers=FORM | {"x-forwarded-proto": "https"})
    assert "Secure" in behind.headers["set-cookie"]
    service.client.http.cookies.clear()
    opened = service.call("GET", "/audit", headers=PAGE | {"cookie": f"{COOKIE}={tokens['auditor']}"})
    assert opened.status_code == 200
    assert opened.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in opened.headers["content-security-policy"]
    wrong = service.call("GET", "/audit", headers=PAGE | {"cookie": f"{COOKIE}=ffp_{'0' * 12}_{'0' * 64}"})
    assert wrong.status_code == 401 and 'href="/sign-in"' in wrong.text
    told = service.accesses()[["caller", "method", "route", "status", "reason"]].astype(str).agg(" ".join, axis=1)
    assert told.tolist()[-2:] == ["auditor GET /audit 200 ", " GET /audit 401 unknown_token"]


def test_a_revoked_token_opens_no_page(service: Service):
    """At the next page, as everywhere."""
    token = service.token("gone", "auditor")
    held = PAGE | {"cookie": f"{COOKIE}={token}"}
    assert service.call("GET", "/audit", headers=held).status_code == 200
    service.revoke("gone")
    assert service.call("GET", "/audit", headers=held).status_code == 401


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        ("/sign-in", "token=a%20b", FORM, 303),
        ("/sign-in", "token=x", FORM | {"origin": "https://elsewhere"}, 403),
        ("/sign-in", "token=x", {"content-type": "text/plain"}, 415),
        ("/sign-in", "token=" + "x" * 20_000, FORM, 413),
        ("/sign-in", "a=1&b=2&c=3&d=4&e=5", FORM, 422),
        ("/sign-in", "lang=fr", FORM, 422),
        ("/sign-in", "token=x&lang=", FORM, 422),
        ("/sign-out", "lang=de", FORM, 422),
        ("/sign-out", "", FORM, 400),
    ],
)
def test_forms_that_cannot_be(service: Service, path: str, content: str, headers: dict[str, str], status: int):
    """Refused, without a cookie."""
    answer = service.call("POST", path, content=content, headers=headers)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


# Who sees what.


def numbers(service: Service, reader: Caller, **wanted: object) -> list[int]:
    """Numbers of the decisions found."""
    ledger = service.client.app.state.ledger
    return [line.number for line in search(ledger, Wanted(**wanted), reader).lines]  # type: ignore[arg-type]


def test_a_search_finds_what_it_is_asked(service: Service, ids: dict[str, str]):
    """By each criterion, newest first; days are included."""
    auditor = Caller("a", "auditor", None)
    assert numbers(service, auditor) == [6, 5, 4, 3, 2, 1]
    assert numbers(service, auditor, id=ids["peps"]) == [3]
    assert numbers(service, auditor, route="/peps/forfait") == [4, 3]
    assert numbers(service, auditor, model="peps_mg") == [3, 2, 1]
    assert numbers(service, auditor, model="peps_m_") == []
    assert numbers(service, auditor, structure=SMALL) == [3]
    assert numbers(service, auditor, structure="750000001") == [4]
    assert numbers(service, auditor, caller="payer", before=3) == [2, 1]
    assert numbers(service, auditor, last=date(2020, 1, 1)) == numbers(service, auditor, first=date(2100, 1, 1)) == []
    assert numbers(service, auditor, first=date(2020, 1, 1), last=date(2100, 1, 1)) == [6, 5, 4, 3, 2, 1]


def test_a_search_is_paged(service: Service, ids: dict[str, str]):
    """Four at a time, then the last two, then no more."""
    ledger, auditor = service.client.app.state.ledger, Caller("a", "auditor", None)
    first = search(ledger, Wanted(), auditor, size=4)
    assert ([line.number for line in first.lines], first.more) == ([6, 5, 4, 3], 3)
    last = search(ledger, Wanted(before=first.more), auditor, size=4)
    assert ([line.number for line in last.lines], last.more) == ([2, 1], None)


def test_an_auditor_of_structures_finds_its_own_alone(service: Service, ids: dict[str, str]):
    """All structures of a decision must be its own; one that names none is nobody's."""
    assert numbers(service, Caller("a", "auditor", frozenset({LARGE, SMALL}))) == [3]
    assert numbers(service, Caller("a", "auditor", frozenset({LARGE}))) == []
    assert numbers(service, Caller("a", "auditor", frozenset())) == []
    assert numbers(service, Caller("a", "auditor", frozenset({"750000001"}))) == [4]


def test_pages_show_no_more_than_the_caller_may_see(service: Service, tokens: dict[str, str], ids: dict[str, str]):
    """404 for the decisions and structures of others; the payer has its own explanation, and no other page."""

    def status(name: str, path: str) -> int:
        return service.call("GET", path, tokens[name], headers=PAGE).status_code

    for more in ("", "/versions", "/explanation", "/explanation.pdf"):
        path = f"/audit/decisions/{ids['peps']}{more}"
        seen = {name: status(name, path) for name in tokens}
        payer = (200, 404) if "explanation" in more else (403, 403)
        assert seen == {
            "payer": payer[0], "other": payer[1], "auditor": 200, "bounded": 200, "half": 404, "modeller": 403,
        }, more  # fmt: skip
    assert [status(name, f"/audit/structures/{LARGE}") for name in ("auditor", "bounded", "half")] == [200, 200, 404]
    assert status("bounded", "/audit/structures/750000001") == status("auditor", "/audit/structures/none") == 404
    found = service.call("GET", "/audit", tokens["half"], headers=PAGE).text
    assert not any(number in found for number in ids.values())


def test_a_small_structure_has_no_figure(service: Service, tokens: dict[str, str], ids: dict[str, str]):
    """Five patients of S2 were scored; its page and that of versions say that they are few, and no euro."""
    page = service.call("GET", f"/audit/structures/{SMALL}?lang=en", tokens["auditor"], headers=PAGE).text
    main = page.partition("<main")[2]
    assert "Fewer than 11 patients: no figure is shown." in main
    assert "€" not in main
    decision = f"/audit/decisions/{ids['peps']}"
    versions = service.call("GET", f"{decision}/versions?structure={SMALL}&row=260", tokens["auditor"]).text
    assert FR.say("too_few") in versions and "€" not in versions.partition("<main")[2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lang=de", "lang"), ("from=2024", "from"), ("to=9999-12-31", "to"), ("model=Peps", "model"),
        ("route=/nowhere", "route"), ("before=0", "before"), ("page=2", "page"), ("caller=" + "x" * 600, "caller"),
        ("structure=a%00b", "structure"),
    ],
)  # fmt: skip
def test_searches_that_cannot_be(service: Service, tokens: dict[str, str], query: str, field: str):
    """422 that names the field."""
    answer = service.call("GET", f"/audit?{query}", tokens["auditor"])
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


def test_rows_and_versions_that_are_not_there(service: Service, tokens: dict[str, str], ids: dict[str, str]):
    """A row beyond the last, a version that the model has not."""
    decision = f"/audit/decisions/{ids['predict']}"
    for query, status in (("?row=42", 422), ("?row=41", 200), ("/versions?with=9", 404), ("/versions?with=3", 200)):
        assert service.call("GET", f"{decision}{query}", tokens["auditor"]).status_code == status, query


def test_what_was_typed_is_escaped(service: Service, tokens: dict[str, str]):
    """Nothing of a query becomes markup."""
    page = service.call("GET", "/audit?caller=%22%3E%3Cb%3Ex", tokens["auditor"], headers=PAGE)
    assert page.status_code == 200
    assert "<b>x" not in page.text


def test_the_page_of_a_decision_says_what_was_decided(service: Service, tokens: dict[str, str], ids: dict[str, str]):
    """The expected euros of the recorded answer, its components, the replay, in both languages."""
    known = service.call("GET", f"/decisions/{ids['peps']}", tokens["auditor"]).json()
    [amount] = [one for one in known["result"]["amounts"] if one["structure_id"] == LARGE]
    page = service.call("GET", f"/audit/decisions/{ids['peps']}?row=7", tokens["auditor"], headers=PAGE).text
    english = service.call("GET", f"/audit/decisions/{ids['peps']}?row=7&lang=en", tokens["auditor"]).text
    for cents in (amount["total_cents"], *(step["amount_cents"] for step in amount["components"])):
        assert FR.cents(abs(cents)).lstrip("−") in page
    patient = peps_request()["inputs"]["patients"][6]["features"]
    scorer = service.client.app.state.store.scorer("peps_mg", 1)
    expected = float(scorer.predict(scorer.encoder.rows([patient]))[0])
    assert FR.euros(round(expected, 2)) in page
    assert "identique" in page and "identical" in english
    assert FR.say("row_of", row=7, count=260) in page


@pytest.mark.parametrize(("moved_by", "verdict"), [(0.0, "same"), (4e-7, "rounded"), (0.01, "other")])
def test_pages_tell_how_the_replay_ended(
    service: Service, tokens: dict[str, str], ids: dict[str, str], monkeypatch: pytest.MonkeyPatch,
    moved_by: float, verdict: str,
):  # fmt: skip
    """Identical, identical but for rounding, or different: on the page of the decision and in its explanation."""
    predict = Scorer.predict
    monkeypatch.setattr(Scorer, "predict", lambda self, matrix: predict(self, matrix) + moved_by)
    address = f"/audit/decisions/{ids['predict']}"
    page, document = (service.call("GET", f"{address}{more}?lang=en", tokens["auditor"]).text
                      for more in ("", "/explanation"))  # fmt: skip
    told = {"same", "rounded", "other"}
    assert {one for one in told if f">{EN.say(f'replay_{one}')}<" in page} == {verdict}
    assert {one for one in told if EN.say(f"law_op_{one}") in document} == {verdict}
    assert (EN.say("replay_moved", places="").strip() in page) == (verdict == "rounded")


def test_the_explanation_of_the_law_has_its_four_parts(service: Service, tokens: dict[str, str], ids: dict[str, str]):
    """The mention and four parts in order, in both languages; the PDF is one."""
    for language, words in (("fr", FR), ("en", EN)):
        path = f"/audit/decisions/{ids['predict']}/explanation"
        page = service.call("GET", f"{path}?lang={language}", tokens["payer"]).text
        places = [page.find(words.say(key)) for key in ("law_mention_title", "law_1", "law_2", "law_3", "law_4")]
        assert -1 not in places and places == sorted(places)
        pdf = service.call("GET", f"{path}.pdf?lang={language}", tokens["payer"])
        assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")


def test_an_expectation_of_the_page_is_that_of_the_answer(
    service: Service, tokens: dict[str, str], ids: dict[str, str]
):
    """The first row of the /predict decision, to the cent, as its recorded answer has it."""
    known = service.call("GET", f"/decisions/{ids['predict']}", tokens["auditor"]).json()
    page = service.call("GET", f"/audit/decisions/{ids['predict']}", tokens["auditor"]).text
    assert FR.euros(round(known["result"]["expected_eur"][0], 2)) in page


# Every kind of request that a version scores.


def scored_requests() -> dict[str, tuple[str, bytes, dict[str, str]]]:
    """Name → address, body and headers of a request of which three rows or more are scored."""
    rows, json = rows_of(30), {"content-type": "application/json"}
    query = "/predict?model=peps_mg&version=2"
    members = asked(group(40), 2024, seed=7, draws=200)
    kept = ("model", "version", "version_hash", "expected_eur")
    for row, features in zip(members["inputs"]["members"], rows_of(200), strict=False):
        for name in kept:
            row.pop(name, None)
        row["features"] = features
    episodes = [episode(f"e{n}", features=features) for n, features in enumerate(features_of(25))]
    episodes[3]["programme"] = "ptg"
    plain = asked(team(30), 2023) | {"model": "peps_mg", "on": "2023-01-01"}
    del plain["inputs"]["patients"][0]["expected_eur"]
    plain["inputs"]["patients"][0]["features"] = rows[0]
    return {
        "parquet": (query, parquet_of(table_of(rows)), {"content-type": PARQUET}),
        "arrow": (query.replace("predict", "explain"), arrow_of(table_of(rows)), {"content-type": ARROW}),
        "page": ("/explain", body(rows[:3]), json | PAGE),
        "log": ("/predict", body(rows, model="total_log", version=1), json),
        "episodes": ("/eds/bundle", msgspec.json.encode(bundles(episodes, on="2024-03-01")), json),
        "members": ("/ipep/target", msgspec.json.encode(target_of(members)), json),
        "one_of_many": ("/peps/forfait", msgspec.json.encode(plain), json),
    }


def target_of(request: dict[str, Any]) -> dict[str, Any]:
    """A request for a target: without the observed amounts of a payment."""
    inputs = {name: rows for name, rows in request["inputs"].items() if name != "indicators"}
    return request | {"inputs": inputs, "model": "ipep", "on": "2024-01-01"}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("every")
    root = write_episode_versions(write_scheme_versions(folder / "versions"))
    freeze_log_link(root, "total_log", 1)
    with start_blocking_portal() as portal:
        yield closed(folder, root, portal)


@pytest.fixture(scope="module")
def readers(everything: Service) -> dict[str, str]:
    return {role: everything.token(role, role) for role in ("payer", "auditor")}


@pytest.mark.parametrize("kind", sorted(scored_requests()))
def test_every_kind_of_decision_is_taken_apart(everything: Service, readers: dict[str, str], kind: str):
    """Its page, its explanation and its versions open; the replay is identical; the row is the recorded one."""
    path, content, headers = scored_requests()[kind]
    answer = everything.call("POST", path, readers["payer"], content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    number = answer.headers["Decision-Id"]
    page = everything.call("GET", f"/audit/decisions/{number}?lang=en", readers["auditor"], headers=PAGE)
    assert page.status_code == 200
    assert "identical" in page.text
    assert EN.say("family_title") in page.text and EN.say("changes_title") in page.text
    for more in ("/versions", "/explanation", "/explanation.pdf"):
        assert everything.call("GET", f"/audit/decisions/{number}{more}", readers["auditor"]).status_code == 200, more
