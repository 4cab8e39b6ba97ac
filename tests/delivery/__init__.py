"""Relay, delivery, start-up and command."""
