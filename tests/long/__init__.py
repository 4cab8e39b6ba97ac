"""Tests that take long: hundreds of kills, the backlog of a night, a cluster that loses nodes."""
