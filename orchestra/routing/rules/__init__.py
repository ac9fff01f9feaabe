"""Signals, Boolean decisions and selectors."""
