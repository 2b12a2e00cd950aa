"""Tier 3: whole jobs: plan, analyse, encode, decode, verify."""
