"""The HTTP transport: connections, limits, proxies, errors."""
