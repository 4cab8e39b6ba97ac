"""Watching a request and its response; look-ups; following what Glance does after a 202."""
