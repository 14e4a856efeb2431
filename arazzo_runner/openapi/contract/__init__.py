"""Requests and responses judged against their description."""
