"""The service: expected euros and their explanation over HTTP, pages of the models in force."""
