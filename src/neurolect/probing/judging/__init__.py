"""Judge rankings of neurons: what their first neurons carry, how they agree, how stable they are."""
