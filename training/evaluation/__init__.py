"""Whether a model is fit to pay on: fit, money by group, chance, incentives, stability; as JSON and as a page.

`evaluate` reads the datasets of a model, yearly or of episodes; `evaluate_given` takes frames.
"""

from training.evaluation.core import Beside, Effort, Given, evaluate_given, facts_of
from training.evaluation.models import evaluate
from training.evaluation.money import Grouping
from training.evaluation.record import Evaluation, decode_evaluation, encode_evaluation

__all__ = [
    "Beside",
    "Effort",
    "Evaluation",
    "Given",
    "Grouping",
    "decode_evaluation",
    "encode_evaluation",
    "evaluate",
    "evaluate_given",
    "facts_of",
]
