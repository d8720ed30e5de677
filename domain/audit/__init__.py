"""What was changed, read and refused, and how nobody can change that afterwards."""
