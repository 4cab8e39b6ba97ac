"""The recorder, several recorders as one, and the recorders of the logging strategy."""
