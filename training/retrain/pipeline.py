"""The steps of a retraining, what each reads, and what each writes: a record as JSON, the pages at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from features.errors import MissingError
from features.scoring import Scorer, load_scorer
from features.versions import read_version, sha256
from training.bootstrap import bootstrap_of
from training.episodes import is_episode_model, train_episodes
from training.evaluation import Evaluation, encode_evaluation, evaluate
from training.evaluation.report import evaluation_html
from training.recipes import Recipe
from training.retrain.asked import Asked
from training.retrain.cohort import ABSENT, files_read, groupings_of, read_cohort, read_lists
from training.retrain.compare import compare_rows, facts_of_version, impact_of, paired_groups, warnings_of
from training.retrain.drift_table import measure_drift
from training.retrain.gate_files import GateFile
from training.retrain.gates import Findings, check_gates
from training.retrain.page import retrain_html
from training.retrain.record import Comparison, Decision, Drift, Impact, Retrained, VersionFacts, encode
from training.retrain.steps import Say, Step, Value
from training.train import train

DRIFT, CHALLENGER, COMPARISON, IMPACT = "drift.json", "challenger.json", "comparison.json", "impact.json"
EVALUATION, WHOLE, LOGGED = "evaluation.json", "retrain.json", "log.json"
FINDINGS = (DRIFT, CHALLENGER, COMPARISON, IMPACT, EVALUATION)
CHAMPION, GATES = "champion", "gates"
NAMES = ("drift", "challenger", "comparison", "impact", "evaluation", "gates", "page", "log")
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """What every step reads: what was asked, recipe, years (the last one tests), gates and champion of the day."""

    asked: Asked
    recipe: Recipe
    years: tuple[int, ...]
    gates: GateFile
    champion: Scorer | None
    say: Say

    def steps(self) -> list[Step]:
        """The steps, in their order."""
        options, compared = self.asked.options, self._data(CHAMPION, CHALLENGER)
        drawn: dict[str, Value] = {"seed": options.seed, "draws": options.effort.draws}
        judged = {**drawn, "simulated": options.effort.simulated, "sizes": str(options.effort.sizes)}
        pages = tuple(f"{name}.{options.language}.html" for name in ("retrain", "evaluation"))
        shown, logged = {"language": options.language}, {"log": options.log}
        return [
            Step("drift", self._data(CHAMPION, GATES), drawn, (DRIFT,), self.drift),
            Step("challenger", self._data(), {"seed": options.seed}, (CHALLENGER,), self.challenger, self.frozen),
            Step("comparison", compared, drawn, (COMPARISON,), self.comparison),
            Step("impact", compared, {}, (IMPACT,), self.impact),
            Step("evaluation", compared, judged, (EVALUATION,), self.evaluation),
            Step("gates", self._files(GATES, CHAMPION, *FINDINGS), {"on": str(self.asked.on)}, (WHOLE,), self.decide),
            Step(f"page_{options.language}", self._files(WHOLE, EVALUATION), shown, pages, self.page),
            Step(f"log_{options.language}", self._files(WHOLE, *pages), logged, (LOGGED,), self.log),
        ]

    def drift(self) -> Mapping[str, bytes]:
        """Drift between the year before and the new one."""
        effort = self.asked.options.effort
        found = measure_drift(
            self.asked.data, self.recipe, self.asked.year,
            champion=self.champion, gates=self.gates, draws=effort.draws, seed=self.asked.options.seed,
        )  # fmt: skip
        return {DRIFT: encode(found)}

    def challenger(self) -> Mapping[str, bytes]:
        """The challenger, trained, frozen and registered."""
        asked, options = self.asked, self.asked.options
        fit = train_episodes if is_episode_model(asked.model) else train
        result = fit(
            asked.data, asked.model, asked.year,
            root=asked.root, seed=options.seed, recipe=options.recipe, progress=self._within("challenger"),
        )  # fmt: skip
        return {CHALLENGER: encode(facts_of_version(load_scorer(asked.root, asked.model, result.card.version)))}

    def frozen(self) -> dict[str, str]:
        """Hash of the challenger's files, "absent" where they are gone or altered."""
        version = self.read(CHALLENGER, VersionFacts).version
        try:
            return {f"{self.asked.model}/{version}": read_version(self.asked.root, self.asked.model, version)[2]}
        except MissingError:
            return {f"{self.asked.model}/{version}": ABSENT}

    def comparison(self) -> Mapping[str, bytes]:
        """Champion and challenger on the reference of the test year; null without a champion."""
        if self.champion is None:
            return {COMPARISON: encode(None)}
        asked, effort, challenger = self.asked, self.asked.options.effort, self._challenger()
        cohort = read_cohort(asked.data, self.recipe, asked.year)
        observed = cohort.observed(challenger.card.cap_eur)
        raw = cohort.expected(self.champion), cohort.expected(challenger)
        level = cohort.levelled(raw[0]), cohort.levelled(raw[1])
        seen = [known.name for known in challenger.card.features]
        groupings, _ = groupings_of(asked.data, cohort, raw[1], seen)
        draws = bootstrap_of(cohort.patients, draws=effort.draws, seed=asked.options.seed)
        both = facts_of_version(self.champion), facts_of_version(challenger)
        found = Comparison(
            year=asked.year,
            patients=cohort.people(),
            champion=both[0],
            challenger=both[1],
            rows=compare_rows(observed, raw, level, groupings, draws),
            groups=paired_groups(observed, level, groupings, draws),
            warnings=warnings_of(*both, asked.year),
        )
        return {COMPARISON: encode(found)}

    def impact(self) -> Mapping[str, bytes]:
        """Euros per structure under both versions; null without a champion or without lists."""
        asked = self.asked
        lists = None if self.champion is None else read_lists(asked.data, self.recipe, asked.year)
        if self.champion is None or lists is None:
            return {IMPACT: encode(None)}
        reference = read_cohort(asked.data, self.recipe, asked.year)
        found = impact_of(reference, lists[0], self.champion, self._challenger(), lost=lists[1])
        return {IMPACT: encode(found)}

    def evaluation(self) -> Mapping[str, bytes]:
        """The evaluation of the challenger, with its stability against the champion."""
        asked, version = self.asked, self.read(CHALLENGER, VersionFacts).version
        effort = replace(asked.options.effort, seed=asked.options.seed)
        found = evaluate(
            asked.data, asked.root,
            model=asked.model, version=version, year=asked.year, effort=effort,
            progress=self._within("evaluation"),
            against=None if self.champion is None else self.champion.card.version,
        )  # fmt: skip
        return {EVALUATION: encode_evaluation(found)}

    def decide(self) -> Mapping[str, bytes]:
        """Every gate, and all that was found in one file."""
        asked, drift, judged = self.asked, self.read(DRIFT, Drift), self.read(EVALUATION, Evaluation)
        challenger = self.read(CHALLENGER, VersionFacts)
        comparison, impact = self._or_none(COMPARISON, Comparison), self._or_none(IMPACT, Impact)
        found = Findings(drift, judged, challenger, comparison, impact)
        decision = Decision(
            model=asked.model,
            title_fr=judged.facts.title_fr,
            title_en=judged.facts.title_en,
            unit=judged.facts.unit,
            year=asked.year,
            on=asked.on,
            gates_file=self.gates.file,
            gates_sha256=self.gates.sha256,
            challenger=challenger,
            champion=None if self.champion is None else facts_of_version(self.champion),
            gates=check_gates(found, self.gates),
        )
        return {WHOLE: encode(Retrained(decision=decision, drift=drift, comparison=comparison, impact=impact))}

    def page(self) -> Mapping[str, bytes]:
        """The page of the retraining, and that of the evaluation beside it."""
        language, judged = self.asked.options.language, self.read(EVALUATION, Evaluation)
        evaluation = f"evaluation.{language}.html"
        page = retrain_html(self.read(WHOLE, Retrained), language, evaluation_page=evaluation)
        return {
            f"retrain.{language}.html": page.encode(),
            evaluation: evaluation_html(judged, language).encode(),
        }

    def log(self) -> Mapping[str, bytes]:
        """Pages, records and figures in the MLflow run of the challenger, where it has one."""
        if not self.asked.options.log:
            return {LOGGED: encode(None)}
        from training.registry import log_evaluation, log_retrain  # MLflow takes seconds to import

        folder, language = self.asked.folder, self.asked.options.language
        judged, whole = self.read(EVALUATION, Evaluation), self.read(WHOLE, Retrained)
        run = log_evaluation(judged, (folder / f"evaluation.{language}.html", folder / EVALUATION), self.asked.root)
        if run is not None:
            log_retrain(whole.decision, (folder / f"retrain.{language}.html", folder / WHOLE), self.asked.root, run)
        return {LOGGED: msgspec.json.encode({"logged": run is not None})}

    def read(self, name: str, kind: type[T]) -> T:
        """A record that an earlier step wrote."""
        return msgspec.json.decode((self.asked.folder / name).read_bytes(), type=kind)

    def _within(self, step: str) -> Say:
        """What a step says of itself, behind its own place among the steps."""
        place = f"{NAMES.index(step) + 1}/{len(NAMES)} {step}"
        return lambda text: self.say(f"{place}: {text}")

    def _or_none(self, name: str, kind: type[T]) -> T | None:
        content = (self.asked.folder / name).read_bytes()
        return None if content.strip() == b"null" else msgspec.json.decode(content, type=kind)

    def _challenger(self) -> Scorer:
        asked = self.asked
        return load_scorer(asked.root, asked.model, self.read(CHALLENGER, VersionFacts).version)

    def _data(self, *names: str) -> Callable[[], dict[str, str]]:
        """Hashes of the datasets of every year, and of what is named."""
        files = self._files(*names)
        return lambda: files_read(self.asked.data, self.asked.model, self.years) | files()

    def _files(self, *names: str) -> Callable[[], dict[str, str]]:
        """Hashes of files of the folder, of what is in force (champion, gates), and the commit that runs."""
        in_force = {
            CHAMPION: "none" if self.champion is None else self.champion.hash,
            GATES: f"{self.gates.file} {self.gates.sha256}",
        }
        return lambda: (
            {name: in_force.get(name) or self._hash(name) for name in names} | {"code": self.asked.options.code}
        )

    def _hash(self, name: str) -> str:
        path = self.asked.folder / name
        return sha256(path.read_bytes()) if path.is_file() else ABSENT
