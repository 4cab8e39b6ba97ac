"""Compares what the filter emits with what Glance's own notifier emits."""
