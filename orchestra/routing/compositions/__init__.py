"""Routers made of routers."""
