"""Scenarios: sender and fake server brought together in virtual time, and judged by oracles."""
