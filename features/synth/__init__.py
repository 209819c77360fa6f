"""FICTIONAL FRANCE: raw SNDS tables of fictional persons, with known traps and a known truth."""

from features.synth.rates import Rates
from features.synth.synthesise import synthesise

__all__ = ["Rates", "synthesise"]
