"""Documents as files: HTML that stands alone, PDF the same each time, CSV for spreadsheets."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import pytest

from forfait.documents import csv_tables, render_html, render_pdf, render_png, write_document
from schemes.statements import (
    Document,
    Scenario,
    cashflow_page,
    comparison_page,
    ipep_page,
    leakage_page,
    reconciliation_page,
    refusal_page,
    statement,
)
from schemes.statements.document import Column, Section, Table
from schemes.statements.refusal import Refused
from tests.schemes import pages_made as made

VOID = {"meta", "link", "br", "path", "use", "rect"}


def pages() -> dict[str, Document]:
    given, amount = made.given(), made.peps_amount()
    return {
        "statement": statement(amount, given, forfaits=made.forfaits()),
        "leakage": leakage_page(
            made.TEAM, given, leakage=made.leakage(), fidelisation=made.fidelisation(), amount=amount
        ),
        "cashflow": cashflow_page(made.TEAM, given, instalments=made.instalments(), estimate=made.estimate(30_000_000)),
        "ipep": ipep_page(made.ipep_amount(), made.given("ipep"), views=made.views()),
        "reconciliation": reconciliation_page(made.TEAM, given, reconciliation=made.reconciliation()),
        "refusal": refusal_page(
            made.TEAM, given, refused=[Refused("too_few_patients", "fewer than 11; at least 250 wanted")]
        ),
        "comparison": comparison_page(
            made.TEAM, given, base=amount, scenarios=[Scenario("DIAB <b>& co</b>", amount, "liste $x^2$")]
        ),
    }


PAGES = pages()


class Outline(HTMLParser):
    """Tags met, identifiers, and whether every tag opened was closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.mark.parametrize("name", PAGES)
def test_html_stands_alone(name: str):
    """Nothing is fetched: no script, no style or image of elsewhere."""
    page = render_html(PAGES[name])
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page


@pytest.mark.parametrize("name", PAGES)
def test_html_is_accessible(name: str):
    """Language, one h1, captions, scopes, figures told in words, scrolling tables that a keyboard reaches."""
    tags = outline(render_html(PAGES[name])).tags
    document = PAGES[name]
    assert ("html", {"lang": "fr"}) in tags
    assert [tag for tag, _ in tags].count("h1") == 1
    assert [tag for tag, _ in tags].count("caption") == len(document.tables)
    assert {attributes.get("scope") for tag, attributes in tags if tag == "th"} == {"col", "row"}
    told = [attributes.get("aria-label") for tag, attributes in tags if tag == "svg"]
    assert len(told) == len(document.figures)
    assert all(told)
    assert all(attributes.get("tabindex") == "0" for _, attributes in tags if attributes.get("class") == "scroll")
    identifiers = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)


def test_html_writes_text_as_text():
    page = render_html(PAGES["comparison"])
    assert "DIAB &lt;b&gt;&amp; co&lt;/b&gt;" in page
    assert "<b>&" not in page


@pytest.mark.parametrize("name", PAGES)
def test_two_renderings_give_the_same_bytes(name: str):
    assert render_html(PAGES[name]) == render_html(pages()[name])
    assert render_pdf(PAGES[name]) == render_pdf(pages()[name])


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_statement_fits_one_page(language: str):
    """With every assumed value of the PEPS rules listed."""
    page = statement(made.peps_amount(), made.given(language=language), forfaits=made.forfaits())
    assert len(render_png(page, ppi=20)) == 1


def test_more_than_a_page_holds_runs_over_in_readable_print():
    rows = tuple((f"line {place}",) for place in range(200))
    long = Table("long", "A long table", (Column("what", "What"),), rows)
    assert len(render_png(Document("t", "s", "en", (Section("x", tables=(long,)),), is_one_page=True), ppi=20)) > 1


@pytest.mark.parametrize("language", ["fr", "en"])
def test_pdf_has_a_language_a_structure_and_no_date(language: str):
    """PDF/UA-1: what a screen reader needs; no date, so that the bytes can be compared."""
    content = render_pdf(statement(made.peps_amount(), made.given(language=language)))
    assert f"/Lang({language})".encode() in content
    assert b"pdfuaid" in content
    assert b"/CreationDate" not in content


def test_drawing_leaves_no_state_behind():
    before = dict(matplotlib.rcParams)
    render_html(PAGES["leakage"])
    assert dict(matplotlib.rcParams) == before


def test_csv_for_a_french_spreadsheet():
    """Semicolons, decimal commas, euros with two decimals, masked cells as on the page."""
    lines = csv_tables(PAGES["leakage"])["leakage_specialty"].splitlines()
    assert lines[0] == "Spécialité;Patients;Actes;Base de remboursement"
    assert lines[1] == "Médecine générale;900;2100;52500,00"
    assert lines[3] == "2 lignes non montrées;s;s;s"


def test_csv_for_an_english_spreadsheet():
    page = statement(made.peps_amount(), made.given(language="en"))
    assert csv_tables(page)["components"].splitlines()[2] == "Fidélisation,-77250.00,334750.00"


def test_csv_runs_no_formula():
    table = Table("t", "c", (Column("what", "What"),), (("=1+1",), ("@x",), ("plain",)))
    text = csv_tables(Document("t", "s", "fr", (Section("x", tables=(table,)),)))["t"]
    assert text.splitlines() == ["What", "'=1+1", "'@x", "plain"]


def test_files_are_written_whole(tmp_path: Path):
    paths = write_document(PAGES["statement"], tmp_path / "new", "750012345")
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert sorted(path.name for path in paths) == names
    assert names == [
        "750012345-assumed.csv", "750012345-compared.csv", "750012345-components.csv", "750012345-figures.csv",
        "750012345.html", "750012345.pdf",
    ]  # fmt: skip
    assert (tmp_path / "new/750012345-compared.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_page_that_cannot_be_drawn_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(document: Document) -> bytes:
        raise RuntimeError("no PDF today")

    monkeypatch.setattr("forfait.documents.write.render_pdf", broken)
    with pytest.raises(RuntimeError):
        write_document(PAGES["statement"], tmp_path, "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "formats"), [("../x", ("html",)), ("x", ("docx",)), (".x", ("html",))])
def test_wrong_names_and_formats_are_refused(tmp_path: Path, name: str, formats: tuple[str, ...]):
    with pytest.raises(ValueError, match=r"should be|is not one of"):
        write_document(PAGES["statement"], tmp_path, name, formats=formats)
