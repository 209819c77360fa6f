"""Raw SNDS tables → cleaned datasets. The only place, with the generator, where raw SNDS names stand."""
