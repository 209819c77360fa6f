"""Care episodes (EDS): index stays, their exclusions, what was spent around them, what was known before them."""

from features.episodes.build import build_episodes
from features.episodes.catalogue import EPISODE_CATALOGUE, check_at_admission, episode_catalogue
from features.episodes.programmes import EDS, Programme, load_programmes
from features.episodes.trace import trace

__all__ = [
    "EDS",
    "EPISODE_CATALOGUE",
    "Programme",
    "build_episodes",
    "check_at_admission",
    "episode_catalogue",
    "load_programmes",
    "trace",
]
