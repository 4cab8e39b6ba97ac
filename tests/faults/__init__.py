"""Real servers with the filter, a real broker, and what can befall them."""
