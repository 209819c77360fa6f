"""The yearly retraining: drift, challenger against champion, euros per structure, dated gates, approval.

Each step is written whole with a record of what it read; an interrupted run goes on after the last finished one.
"""

from training.retrain.asked import Asked, Options
from training.retrain.record import Decision, Retrained
from training.retrain.run import models_in_force, plan, retrain

__all__ = ["Asked", "Decision", "Options", "Retrained", "models_in_force", "plan", "retrain"]
