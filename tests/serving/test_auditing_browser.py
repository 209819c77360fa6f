"""The pages in a real browser: what axe-core says of each, the keyboard, signing in and out; pictures are kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create
from serving.app import build_app
from serving.settings import ServiceSettings
from tests.serving.access_made import LONG_AGO
from tests.serving.auditing_made import LARGE, SMALL, decided
from tests.serving.browser import chromium, served
from tests.serving.schemes_made import write_scheme_versions

PICTURES = Path(os.environ.get("FORFAIT_ARTEFACTS") or Path(__file__).parents[1] / "artefacts") / "auditing"
LANGUAGES = ("fr", "en")


@dataclass(frozen=True)
class Scene:
    """A closed service with decisions, and tokens by name."""

    url: str
    ids: dict[str, str]
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("auditing")
    url = f"sqlite:///{folder / 'access.sqlite'}"
    names = {"payer": (), "auditor": (), "bounded": ("S9",)}
    made = {
        name: create(
            engine_of(url),
            Wanted(name=name, role="payer" if name == "payer" else "auditor", structures=structures or None),
            by="the tests",
            at=LONG_AGO,
        )
        for name, structures in names.items()
    }
    versions = write_scheme_versions(folder / "versions")
    app = build_app(ServiceSettings(versions=versions, access="closed", access_url=url, access_seconds=0.2))
    with served(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield Scene(address, decided(client, {"authorization": f"Bearer {made['payer']}"}), made)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    one = browser.new_context(viewport={"width": 1100, "height": 900})
    yield one
    one.close()


def signed_in(context: BrowserContext, scene: Scene, name: str = "auditor") -> Page:
    """A page of the search, after signing in as a person does: keyboard alone."""
    page = context.new_page()
    page.goto(f"{scene.url}/sign-in")
    page.get_by_label("Jeton").focus()
    page.keyboard.type(scene.tokens[name])
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit")
    return page


def paths_of(scene: Scene) -> dict[str, str]:
    """Every kind of page, by the name of its picture."""
    decision = "/audit/decisions/{}"
    return {
        "search": "/audit",
        "search_nothing": "/audit?caller=nobody",
        "search_model": "/audit?model=peps_mg&route=/predict&from=2020-01-01",
        **{f"decision_{name}": decision.format(number) for name, number in scene.ids.items()},
        "decision_row": f"{decision.format(scene.ids['peps'])}?row=7",
        "versions": f"{decision.format(scene.ids['predict'])}/versions?with=3",
        "versions_structure": f"{decision.format(scene.ids['peps'])}/versions?structure={LARGE}",
        "explanation": f"{decision.format(scene.ids['peps'])}/explanation?row=7",
        "explanation_sent": f"{decision.format(scene.ids['sent'])}/explanation",
        "structure": f"/audit/structures/{LARGE}",
        "structure_small": f"/audit/structures/{SMALL}",
        "model": "/audit/models/peps_mg/versions/2",
    }


NAMES = sorted(paths_of(Scene("", dict.fromkeys(("predict", "explain", "peps", "sent", "target", "bundle"), ""), {})))


def pictured(page: Page, name: str) -> None:
    """Keep a picture of the whole page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def accessible(page: Page) -> None:
    """Errors: AssertionError naming what axe-core finds."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible(scene: Scene, context: BrowserContext, language: str):
    """No violation of axe-core in either language, nothing asked of another host, no error; pictures are kept."""
    page = signed_in(context, scene)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    assert sorted(paths_of(scene)) == NAMES
    for name, path in paths_of(scene).items():
        address = f"{path}{'&' if '?' in path else '?'}lang={language}"
        answer = page.goto(f"{scene.url}{address}")
        assert answer is not None and answer.status == 200, name
        assert page.locator("html").get_attribute("lang") == language
        pictured(page, f"{name}_{language}")
        accessible(page)
    assert wrong == []
    assert all(url.startswith((scene.url, "data:")) for url in asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sign_in_page_is_accessible(scene: Scene, context: BrowserContext, language: str):
    """The page before, and the one that says the text is no token."""
    page = context.new_page()
    for state in ("first", "wrong", "out"):
        more = "" if state == "first" else f"&{state}=1"
        page.goto(f"{scene.url}/sign-in?lang={language}{more}")
        accessible(page)
        pictured(page, f"sign_in_{state}_{language}")


def test_a_person_signs_in_reads_and_signs_out(scene: Scene, context: BrowserContext):
    """The cookie is HttpOnly and Strict, opens pages alone, and is gone after the button."""
    page = signed_in(context, scene)
    [cookie] = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", False)
    assert page.evaluate("document.cookie") == ""
    paid = page.request.post(f"{scene.url}/explain", data="{}", headers={"content-type": "application/json"})
    assert paid.status == 401
    assert page.request.get(f"{scene.url}/decisions/{scene.ids['peps']}").status == 401
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url("**/sign-in?out=1")
    assert context.cookies() == []
    assert page.goto(f"{scene.url}/audit").status == 401  # type: ignore[union-attr]
    page.get_by_role("link", name="Se connecter").click()
    page.wait_for_url("**/sign-in")


def test_a_search_by_the_keyboard_alone(scene: Scene, context: BrowserContext):
    """Skip link first; every control is reached by Tab, in reading order, and shows it; Enter searches and opens."""
    page = signed_in(context, scene)
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.name"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", reached[-1]
    wanted = ["Aller au contenu", "Décisions", "Modèles", "English", "Se déconnecter", "id", "from"]
    assert reached[:7] == wanted
    page.get_by_label("Structure (FINESS)").focus()
    page.keyboard.type(LARGE)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("structure=S1"))
    links = page.locator("tbody th a")
    assert links.count() == 1
    links.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/audit/decisions/{scene.ids['peps']}")
    page.get_by_label("Voir la ligne").fill("7")
    page.keyboard.press("Enter")
    page.wait_for_url("**row=7")
    assert "Ligne 7 sur 260" in page.inner_text("main")


def test_pages_print_on_a4(scene: Scene, context: BrowserContext):
    """On paper the navigation and forms are gone, and nothing is wider than the sheet."""
    page = signed_in(context, scene)
    page.goto(f"{scene.url}/audit/decisions/{scene.ids['peps']}?row=7")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 690, "height": 980})  # A4 less its margins, at 96 points an inch
    assert not page.locator("header.site").is_visible()
    assert not page.locator("form").first.is_visible() and not page.locator("form").last.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 690
    assert page.pdf(format="A4").startswith(b"%PDF")
    pictured(page, "decision_on_paper_fr")


def test_an_auditor_of_another_structure_sees_nothing(scene: Scene, context: BrowserContext):
    """No decision in its search; the pages of others are not found."""
    page = signed_in(context, scene, "bounded")
    assert "Aucune décision ne répond" in page.inner_text("main")
    for path in paths_of(scene).values():
        answer = page.goto(f"{scene.url}{path}")
        expected = 200 if path.startswith(("/audit?", "/audit/models")) or path == "/audit" else 404
        assert answer is not None and answer.status == expected, path
        assert not any(number in page.content().replace(path.partition("?")[0], "") for number in scene.ids.values())
