"""Expected cost of care episodes (EDS): population, cross-fitting, judgement, frozen version, predictions."""

from training.episodes.recipes import EPISODE_RECIPES, episode_recipe_of, is_episode_model
from training.episodes.score import explain_episodes, predict_episodes
from training.episodes.train import EpisodeResult, train_episodes

__all__ = [
    "EPISODE_RECIPES",
    "EpisodeResult",
    "episode_recipe_of",
    "explain_episodes",
    "is_episode_model",
    "predict_episodes",
    "train_episodes",
]
