"""Routers against the baselines on recorded sets, one module for each kind of set."""
