"""Processes and threads: when something starts and ends; the filter's own log."""
