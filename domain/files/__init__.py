"""Files that people and the system keep."""
