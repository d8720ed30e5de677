"""A whole organization at once: everything it has as one file, and its end."""
