"""Who signs in, and what the roles may do."""
