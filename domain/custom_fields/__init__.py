"""Fields that an organization adds to its things: what they are, what they hold, how a value changes its type."""
