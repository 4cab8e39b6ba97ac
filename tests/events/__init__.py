"""Tests of the event contract, which is pure: no input, no output, no clock."""
