"""PREDICTIONS + DATED RULES → AMOUNTS. Imports features.tables only."""
