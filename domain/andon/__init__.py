"""Calls for help and their life."""
