"""The model card of a frozen version, in French and English, as HTML and Markdown."""

from training.cards.known import Known, Trained
from training.cards.page import card_html, card_markdown
from training.cards.read import known_of_version

__all__ = ["Known", "Trained", "card_html", "card_markdown", "known_of_version"]
