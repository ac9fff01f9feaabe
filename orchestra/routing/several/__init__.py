"""Routers that choose several at once, or nobody."""
