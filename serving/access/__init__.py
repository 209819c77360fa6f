"""Who may do what: bearer tokens, OIDC, roles by route, structures, rates, and the record of accesses."""
