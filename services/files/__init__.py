"""Use cases around files: keeping, opening and forgetting them."""
