"""The whole line, as a user runs it: `forfait demo` from fictional claims to a page, against golden figures.

`python -m tests.e2e.test_demo` prints the figures of this checkout, to be read before they replace the golden ones.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from features.errors import InputError
from forfait.demo import fresh
from serving.decisions.chain import verify
from serving.decisions.database import Database

GOLDEN = Path(__file__).parent.parent / "golden" / "demo.json"
PATIENTS = 2500


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from forfait.cli import main; main()", "demo"]
    options = ["--patients", str(PATIENTS), "--seed", "1", "--folder", str(folder)]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=1500, check=False)


def figures(folder: Path) -> dict[str, object]:
    """Rows, cents and sums that any change of rule, generator or reader moves."""
    con = duckdb.connect()
    data = folder / "data"

    def asked(query: str) -> list[tuple[object, ...]]:
        return con.execute(query).fetchall()

    return {
        "care_lines_2024_by_poste": {
            str(poste): [rows, int(base), int(reimbursed)]
            for poste, rows, base, reimbursed in asked(
                "SELECT poste, count(*), sum(base_cents), sum(reimbursed_cents) "
                f"FROM '{data}/care_lines/2024.parquet' GROUP BY 1 ORDER BY 1"
            )
        },
        "dropped_2024": {
            f"{table} {control}": [rows, int(cents)]
            for table, control, rows, cents in asked(
                f"SELECT source_table, control, rows_hit, reimbursed_cents FROM '{data}/read_report/2024.parquet' "
                "WHERE effect IN ('dropped', 'netted') ORDER BY 1, 2"
            )
        },
        "patientele_2024": [
            int(figure)
            for figure in asked(
                "SELECT count(*), sum(is_diab::INT), sum(is_age::INT), sum(is_tot::INT), "
                f"round(sum(present_share) * 1000) FROM '{data}/patientele/2024.parquet'"
            )[0]
        ],
        "features_2024": [
            int(figure)
            for figure in asked(
                "SELECT count(*), sum(age), sum(ald_count), sum(c2s_free), sum(carto_count), sum(charlson_score) "
                f"FROM '{data}/feature_table/2024.parquet'"
            )[0]
        ],
        "paid_2024_cents": {
            f"{scheme} {kind} {structure}": int(cents)
            for scheme, kind, run in runs(data)
            for structure, cents in asked(
                "SELECT structure_id, sum(amount_cents) "
                f"FROM '{data}/payments/{scheme}/2024/{run}/results/amounts.parquet' GROUP BY 1 ORDER BY 1"
            )
        },
        **episodes(folder / "episodes", asked),
        "spending_2024_cents": [
            int(figure)
            for figure in asked(
                "SELECT round(sum(spent_mg_eur) * 100), round(sum(spent_mg_ide_eur) * 100), "
                f"round(sum(spent_total_eur) * 100) FROM '{data}/spending/2024.parquet'"
            )[0]
        ],
    }


def episodes(country: Path, asked: Callable[[str], list[tuple[object, ...]]]) -> dict[str, object]:
    """Of the country of episodes: counts of the flow charts, cents of the final episodes, cents due."""
    ((_, _, run),) = runs(country)
    return {
        "episode_flow_2023": {
            f"{programme} {step}": stays
            for programme, step, stays in asked(
                f"SELECT programme, step, stays FROM '{country}/episode_flow/2023.parquet' "
                'WHERE stays > 0 ORDER BY programme, "order"'
            )
        },
        "episodes_2023_cents": {
            str(programme): [rows, int(every), int(in_scope)]
            for programme, rows, every, in_scope in asked(
                "SELECT programme, count(*), sum(cost_total_allcause_cents), sum(cost_in_scope_cents) "
                f"FROM '{country}/episodes/2023.parquet' WHERE is_final GROUP BY 1 ORDER BY 1"
            )
        },
        "eds_2023_cents": {
            str(structure): int(cents)
            for structure, cents in asked(
                "SELECT structure_id, sum(amount_cents) "
                f"FROM '{country}/payments/eds/2023/{run}/results/amounts.parquet' GROUP BY 1 ORDER BY 1"
            )
        },
    }


def runs(data: Path) -> list[tuple[str, str, str]]:
    """Scheme, kind and id of the payments kept."""
    lines = (data / "payments" / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    return [(line["scheme"], line["kind"], line["run"]) for line in map(json.loads, lines)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = run(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, done.stdout


@pytest.mark.slow
def test_figures_are_the_golden_ones(demo: tuple[Path, str]):
    """Same seed, same claims, same datasets."""
    assert figures(demo[0]) == json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_page_is_self_contained_and_tells_the_served_euros(demo: tuple[Path, str]):
    """Nothing is loaded from elsewhere; the service and the batch give the same euros."""
    folder, printed = demo
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "index.html" in printed
    assert re.findall(r"src=\"(?!data:)[^\"]*\"|@import|url\((?!#)", page) == []
    linked = re.findall(r"href=\"(?!#)([^\"]*)\"", page)
    assert linked
    assert all((folder / link).is_file() for link in linked)
    assert "<script" not in page
    assert re.search(r"écart 0\s€", page)


@pytest.mark.slow
def test_what_was_served_is_on_record(demo: tuple[Path, str]):
    """Two answers, two decisions of the demo's own ledger, whole; replayed to the byte by an auditor."""
    database = Database(f"sqlite:///{demo[0] / 'mlruns' / 'ledger.db'}")
    newest = verify(database)
    assert newest.number == 2
    database.close()
    page = (demo[0] / "index.html").read_text(encoding="utf-8")
    assert newest.hash in page
    assert re.search(r"la 2<sup>e</sup> du registre, et un auditeur qui la rejoue la retrouve <b>à l&#39;octet", page)


@pytest.mark.slow
def test_page_opens_in_a_browser(demo: tuple[Path, str], tmp_path: Path):
    """A real browser lays it out and finds no error."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    command = [chromium, *flags, f"--user-data-dir={tmp_path}", "--dump-dom", (demo[0] / "index.html").as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "Ce que la démonstration a produit" in dom
    assert dom.count("<svg") >= 3


def test_folder_of_an_earlier_demo_is_emptied(tmp_path: Path):
    """A second run reuses nothing."""
    folder = fresh(tmp_path / "demo")
    (folder / "stale.parquet").touch()
    assert [path.name for path in fresh(folder).iterdir()] == [".forfait-demo"]


def test_folder_of_someone_else_is_left_alone(tmp_path: Path):
    """Files that no demo wrote are never removed."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files that no demo wrote"):
        fresh(tmp_path)
    assert (tmp_path / "mine.txt").exists()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        done = run(Path(made) / "demo")
        print(json.dumps(figures(Path(made) / "demo"), indent=1) if done.returncode == 0 else done.stderr)
