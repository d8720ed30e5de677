"""Plant model: what stands where, and in which state."""
