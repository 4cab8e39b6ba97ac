"""Real servers with the filter, a real broker, and the faults that they can have."""
