"""Runs, quantities and what machines report."""
