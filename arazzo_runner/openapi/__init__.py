"""OpenAPI: from an operation and values to the request that the description asks for."""
