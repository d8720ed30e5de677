"""Use cases around how organizations look."""
