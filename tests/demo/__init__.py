"""Tests of the demo and of make serve."""
