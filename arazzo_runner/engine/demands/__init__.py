"""The demands of a plan on the world: the URLs that it can reach, and the credentials that it needs."""
