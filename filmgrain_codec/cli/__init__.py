"""Tier 4: the command line."""
