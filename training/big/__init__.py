"""Training on many millions of rows: compact columns, formulas on a sample, trees on a cluster."""
