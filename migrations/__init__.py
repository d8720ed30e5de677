"""The database's history. A revision imports `migrations.policies` only, never today's tables."""
