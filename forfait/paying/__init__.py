"""From datasets to what a scheme pays: gather the inputs, pay, keep the run, record the decisions."""
