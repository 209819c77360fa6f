"""The ledger of decisions: every answer that is used to pay, recorded before it is returned, and never rewritten."""
