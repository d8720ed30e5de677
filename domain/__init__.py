"""What is true in any factory: values, state machines, calculations. No I/O, no clock, no framework."""
