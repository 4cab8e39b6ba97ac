"""Glance's own functional tests, run with the filter in their pipelines."""
