"""Tier 4: the command line. One file per command; start-up imports nothing heavy."""
