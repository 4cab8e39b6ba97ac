"""What a strategy does with a real broker, and with peers that behave like none."""
