"""Components as the steps that a page shows: those of few patients gathered, those without effect set apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from schemes.amounts import Amount
from schemes.statements.document import Section
from schemes.statements.given import Given
from schemes.statements.walk import Naming, Step, walk_table, waterfall
from schemes.statements.wording import listed, uncapital

BRICK, COUNT = "brick_", "patients_"


def small_parts(amounts: Iterable[Amount], given: Given) -> frozenset[str]:
    """Names of the bricks that fewer people than the minimum have in any of the amounts, and never one alone.

    The euros of a brick divided by its price, which is published, are its months: the count would be shown. One
    small brick alone takes the smallest of the others with it.
    """
    counts: dict[str, list[Decimal]] = {}
    for amount in amounts:
        for component in amount.components:
            figure = amount.figures.get(COUNT + component.name.removeprefix(BRICK))
            if component.name.startswith(BRICK) and figure is not None and figure.value:
                counts.setdefault(component.name, []).append(Decimal(figure.value))
    ranked = sorted(counts, key=lambda name: (min(counts[name]), name))
    small = [name for name in ranked if min(counts[name]) < given.small_cell_min]
    return frozenset(ranked[:2] if len(small) == 1 else small)


def gathered(amount: Amount, given: Given, hidden: frozenset[str]) -> list[Step]:
    """The steps of an amount, the hidden ones as one where the first of them stood; they end on the amount."""
    together = sum(c.amount_cents for c in amount.components if c.name in hidden)
    steps: list[Step] = []
    running, is_placed = 0, False
    for component in amount.components:
        is_hidden = component.name in hidden
        if is_hidden and is_placed:
            continue
        is_placed = is_placed or is_hidden
        moved = together if is_hidden else component.amount_cents
        running += moved
        steps.append(Step(given.say("small_bricks") if is_hidden else given.name_of(component.name), moved, running))
    return steps


def moving(steps: Sequence[Step], *, keeps_first: bool = False) -> list[Step]:
    """The steps that add or take something away; the first too where it is the starting point."""
    return [step for place, step in enumerate(steps) if step.amount_cents or (keeps_first and not place)]


def idle(steps: Sequence[Step], *, keeps_first: bool = False) -> list[str]:
    """Labels of the steps that add and take away nothing."""
    return [step.label for place, step in enumerate(steps) if not step.amount_cents and not (keeps_first and not place)]


def walk_section(title: str, steps: Sequence[Step], naming: Naming, given: Given) -> Section:
    """A walk as a table beside its waterfall; one sentence names the steps without effect, which are not drawn.

    Where nothing moves at all, every step is shown.
    """
    shown = moving(steps, keeps_first=naming.keeps_first)
    without = idle(steps, keeps_first=naming.keeps_first) if shown else []
    drawn = shown or list(steps)
    told = given.say("steps_idle", steps=listed(_by_head(without), given.language))
    return Section(
        title,
        (told,) if without else (),
        tables=(walk_table(drawn, naming, given.language),),
        figures=(waterfall(drawn, naming, given.language),),
    )


def _by_head(labels: Sequence[str]) -> list[str]:
    """Labels with a small first letter; those that begin alike before a colon share it: brique : enfant, ALD."""
    heads: dict[str, list[str]] = {}
    for label in labels:
        head, colon, rest = label.partition(":")
        heads.setdefault(uncapital(head + colon), []).extend([rest.strip()] if rest else [])
    return [f"{head} {', '.join(rests)}" if rests else head for head, rests in heads.items()]
