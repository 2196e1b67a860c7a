"""Faithful local stand-ins of the upstreams, with a seeded national data set."""
