"""Tests of the pure core: no input, no output, no clock."""
