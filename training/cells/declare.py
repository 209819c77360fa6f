"""Policy cells by name ("age_class, ald, c2s*sex"), as small trees over the features that a model reads.

A name is one of `NAMED`, or a feature: a flag gives yes and no, a category its levels, a number the bands that follow
"=" ("age=0-17,18-64,65+"). `a*b` crosses two. "patientele" and "ald_groups" stand for several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from features.attribution import AGE_ALD, AGE_MIN, AGE_MIN_WITH_ALD, DIAB_ALD
from features.codes import ALD_NUMBERS, ald_flag
from features.errors import InputError
from features.versions import CardFeature
from training.evaluation.monotone import WHOLE, Interval, Leaf, broken_by

NEVER = 1e300
NO, YES, UNKNOWN = "no", "yes", "unknown"
AGE_CLASSES = ("0-17", "18-39", "40-59", "60-74", "75+")
SEVERAL = {
    "patientele": ("diab", "patientele_age"),
    "ald_groups": tuple(ald_flag(number) for number in ALD_NUMBERS),
}
BAND = re.compile(r"(\d+)(?:-(\d+)|(\+))?")


@dataclass(frozen=True)
class Split:
    """A question to one feature, by its number: up to `threshold` goes `low`; a missing value as `missing_low` says.

    Ends of branches are numbers of levels.
    """

    feature: int
    threshold: float
    low: Tree
    high: Tree
    missing_low: bool = True


Tree = Split | int


@dataclass(frozen=True)
class Cells:
    """A partition of the patients: its levels, the tree that finds them, and the features that the tree reads."""

    name: str
    levels: tuple[str, ...]
    tree: Tree
    reads: tuple[str, ...]

    def codes(self, matrix: np.ndarray) -> np.ndarray:
        """Number of the level of each row of an encoded matrix."""
        found = np.empty(len(matrix), dtype=np.int64)
        _place(self.tree, matrix, np.arange(len(matrix)), found)
        return found

    def labels(self, matrix: np.ndarray) -> np.ndarray:
        """Name of the level of each row."""
        return np.array(self.levels, dtype=object)[self.codes(matrix)]


@dataclass(frozen=True)
class Asked:
    """What was asked: cells that the model sees; others as they were written, with the features that they lack."""

    cells: tuple[Cells, ...]
    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def resolve(asked: str, features: Sequence[CardFeature], *, others: Sequence[str] = ()) -> Asked:
    """The cells asked for over the features of a model; `others`: what exists beside, which the model does not see.

    Errors: InputError for a name that nobody knows, for bands that overlap, leave a gap or do not cover the feature.
    """
    known = {feature.name: number for number, feature in enumerate(features)}
    made: list[Cells] = []
    unseen: dict[str, tuple[str, ...]] = {}
    for name, bands in _requests(asked, known):
        parts = name.split("*")
        many = next((part for part in parts if part in SEVERAL), None)
        if many:
            raise InputError(f"cells {many!r} stand for {', '.join(SEVERAL[many][:2])}…; cross one of them")
        lacking = tuple(one for part in parts for one in _lacking(part, known))
        nobody = next((one for one in lacking if one not in others), None)
        if nobody:
            told = ", ".join((*NAMED, *SEVERAL))
            raise InputError(f"cells {nobody!r} are unknown; give one of {told}, or a feature of the model")
        if lacking:
            unseen[name + ("=" + ",".join(bands) if bands else "")] = lacking
            continue
        found = _made(parts[0], bands, features)
        for part in parts[1:]:
            found = crossed(found, _made(part, (), features))
        made.append(found)
    if not made and not unseen:
        raise InputError(f"no cell is asked for in {asked!r}; give names, as in age_class,ald,c2s")
    return Asked(tuple(made), unseen)


def crossed(one: Cells, other: Cells) -> Cells:
    """Every level of one with every level of the other."""
    count = len(other.levels)

    def graft(tree: Tree) -> Tree:
        if isinstance(tree, int):
            return _renumbered(other.tree, [tree * count + level for level in range(count)])
        return Split(tree.feature, tree.threshold, graft(tree.low), graft(tree.high), tree.missing_low)

    levels = tuple(f"{first} × {second}" for first in one.levels for second in other.levels)
    return Cells(f"{one.name}*{other.name}", levels, graft(one.tree), (*one.reads, *other.reads))


def ordered_levels(cells: Cells, directions: Mapping[int, int]) -> list[tuple[int, int]]:
    """Pairs (lower, higher) of levels whose corrections must not fall, for the features with a direction (+1 or -1).

    Two levels are a pair where changing that feature alone leads from one to the other.
    """
    leaves = list(leaves_of(cells.tree))
    found = set()
    for place, direction in directions.items():
        for number, (level, box) in enumerate(leaves):
            for other, other_box in leaves[number + 1 :]:
                # a pair of values 1 and 0 breaks the direction where the first stands lower
                gap = broken_by([Leaf(1.0, box), Leaf(0.0, other_box)], place, direction) if level != other else []
                if gap:
                    found.add((level, other) if gap[0] else (other, level))
    return sorted(found)


def leaves_of(tree: Tree, box: Mapping[int, Interval] | None = None) -> Iterator[tuple[int, Mapping[int, Interval]]]:
    """Level of each leaf, and the values of the features that reach it."""
    box = box or {}
    if isinstance(tree, int):
        yield tree, box
        return
    low, high, missing = box.get(tree.feature, WHOLE)
    left = (low, min(high, tree.threshold), missing and tree.missing_low)
    right = (max(low, tree.threshold), high, missing and not tree.missing_low)
    yield from leaves_of(tree.low, {**box, tree.feature: left})
    yield from leaves_of(tree.high, {**box, tree.feature: right})


def _requests(asked: str, known: Mapping[str, int]) -> list[tuple[str, tuple[str, ...]]]:
    """Names with their bands; a piece that begins with a digit goes on with the bands of the name before it."""
    found: list[tuple[str, list[str]]] = []
    for piece in (text.strip() for text in re.split(r"[,;]", asked) if text.strip()):
        if piece[0].isdigit():
            if not found or not found[-1][1]:
                raise InputError(f"band {piece!r} stands alone; write it after a feature, as in age=0-17,18-64,65+")
            found[-1][1].append(piece)
            continue
        name, _, band = (text.strip() for text in piece.partition("="))
        found += [(one, [band] if band else []) for one in _several(name, known)]
    names = [name for name, _ in found]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise InputError(f"cells {doubled!r} are asked for twice; ask once")
    return [(re.sub(r"\s", "", name), tuple(bands)) for name, bands in found]


def _several(name: str, known: Mapping[str, int]) -> tuple[str, ...]:
    if name == "ald_groups":
        return tuple(flag for flag in SEVERAL[name] if flag in known) or SEVERAL[name]
    return SEVERAL.get(name, (name,))


def _lacking(name: str, known: Mapping[str, int]) -> tuple[str, ...]:
    """Features that a name needs and the model does not read."""
    needed = NAMED[name][0] if name in NAMED else (name,)
    return tuple(one for one in needed if one not in known)


def _made(name: str, bands: tuple[str, ...], features: Sequence[CardFeature]) -> Cells:
    known = {feature.name: number for number, feature in enumerate(features)}
    is_number = name == "age_class" or (name not in NAMED and features[known[name]].kind == "number")
    if bands and not is_number:
        raise InputError(f"cells {name!r} take no bands; only a number does, as in age=0-17,18-64,65+")
    if name in NAMED:
        return NAMED[name][1](name, bands, features)
    feature = features[known[name]]
    if feature.kind == "flag":
        return _any_of(name, [name], features)
    if feature.kind == "category":
        edges = [number + 0.5 for number in range(len(feature.categories) - 1)]
        return _stairs(name, feature, known[name], edges, feature.categories)
    if not bands:
        raise InputError(f"cells {name!r} need bands: write {name}=0,1-2,3+ (they cover every value)")
    return _banded(name, bands, feature, known[name])


def _banded(name: str, bands: Sequence[str], feature: CardFeature, place: int) -> Cells:
    """Bands of whole numbers, each beginning where the one before ended."""
    edges: list[float] = []
    for number, band in enumerate(bands):
        read = BAND.fullmatch(band)
        low, is_open = (int(read[1]), bool(read[3])) if read else (0, False)
        high = int(read[2] or read[1]) if read else 0
        is_last = number == len(bands) - 1
        starts = low == edges[-1] + 0.5 if edges else low <= (feature.low or 0)
        ends = is_open or high >= (feature.high if feature.high is not None else np.inf) if is_last else not is_open
        if not read or high < low or not starts or not ends:
            raise InputError(
                f"cells {name!r}: band {band!r} (number {number + 1}) leaves a gap, overlaps or does not cover "
                f"{feature.name}; write them in order, as in 0-17,18-64,65+"
            )
        edges.append(high + 0.5)
    return _stairs(name, feature, place, edges[:-1], bands)


def _stairs(name: str, feature: CardFeature, place: int, edges: Sequence[float], levels: Sequence[str]) -> Cells:
    def split(low: int, high: int) -> Tree:
        middle = (low + high) // 2
        return low if low == high else Split(place, edges[middle], split(low, middle), split(middle + 1, high))

    tree = split(0, len(levels) - 1)
    if feature.nullable:
        tree = Split(place, NEVER, tree, len(levels), missing_low=False)
        levels = (*levels, UNKNOWN)
    return Cells(name, tuple(levels), tree, (feature.name,))


def _any_of(name: str, flags: Sequence[str], features: Sequence[CardFeature]) -> Cells:
    """No and yes (one of the flags at least); where a lone flag is missing, unknown."""
    known = {feature.name: number for number, feature in enumerate(features)}
    if len(flags) == 1:
        return _stairs(name, features[known[flags[0]]], known[flags[0]], [0.5], (NO, YES))
    tree: Tree = 0
    for flag in reversed(flags):
        tree = Split(known[flag], 0.5, tree, 1)
    return Cells(name, (NO, YES), tree, tuple(flags))


def _age_class(name: str, bands: tuple[str, ...], features: Sequence[CardFeature]) -> Cells:
    place = [feature.name for feature in features].index("age")
    return _banded(name, bands or AGE_CLASSES, features[place], place)


def _sex(name: str, bands: tuple[str, ...], features: Sequence[CardFeature]) -> Cells:
    found = _any_of(name, ["is_woman"], features)
    return Cells(name, ("men", "women", *found.levels[2:]), found.tree, found.reads)


def _ald(name: str, bands: tuple[str, ...], features: Sequence[CardFeature]) -> Cells:
    found = _any_of(name, ["ald_count"], features)
    return Cells(name, ("no ALD", "ALD", *found.levels[2:]), found.tree, found.reads)


def _c2s(name: str, bands: tuple[str, ...], features: Sequence[CardFeature]) -> Cells:
    names = {feature.name for feature in features}
    flags = [flag for flag in ("c2s_free", "c2s_participative", "c2s_unknown") if flag in names]
    found = _any_of(name, flags, features)
    return Cells(name, ("no C2S", "C2S"), found.tree, found.reads)


def _diab(name: str, bands: tuple[str, ...], features: Sequence[CardFeature]) -> Cells:
    return _any_of(name, [ald_flag(number) for number in DIAB_ALD], features)


def _patientele_age(name: str, bands: tuple[str, ...], features: Sequence[CardFeature]) -> Cells:
    """From 65, or from 50 in ALD 15, 16 or 25; an unknown age is not."""
    known = {feature.name: number for number, feature in enumerate(features)}
    flags = [ald_flag(number) for number in AGE_ALD]
    ill = _any_of(name, flags, features)
    age = known["age"]
    tree = Split(age, AGE_MIN - 0.5, Split(age, AGE_MIN_WITH_ALD - 0.5, 0, ill.tree), 1)
    return Cells(name, (NO, YES), tree, ("age", *flags))


def _renumbered(tree: Tree, numbers: Sequence[int]) -> Tree:
    if isinstance(tree, int):
        return numbers[tree]
    low, high = _renumbered(tree.low, numbers), _renumbered(tree.high, numbers)
    return Split(tree.feature, tree.threshold, low, high, tree.missing_low)


def _place(tree: Tree, matrix: np.ndarray, rows: np.ndarray, found: np.ndarray) -> None:
    if isinstance(tree, int):
        found[rows] = tree
        return
    values = matrix[rows, tree.feature]
    low = (values <= tree.threshold) | (np.isnan(values) & tree.missing_low)
    _place(tree.low, matrix, rows[low], found)
    _place(tree.high, matrix, rows[~low], found)


Maker = Callable[[str, tuple[str, ...], Sequence[CardFeature]], Cells]
NAMED: Mapping[str, tuple[tuple[str, ...], Maker]] = {
    "age_class": (("age",), _age_class),
    "sex": (("is_woman",), _sex),
    "ald": (("ald_count",), _ald),
    "c2s": (("c2s_free", "c2s_participative"), _c2s),
    "diab": (tuple(ald_flag(number) for number in DIAB_ALD), _diab),
    "patientele_age": (("age", *(ald_flag(number) for number in AGE_ALD)), _patientele_age),
}
