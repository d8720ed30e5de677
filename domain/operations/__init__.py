"""Running the installation: long tasks, switches, health."""
