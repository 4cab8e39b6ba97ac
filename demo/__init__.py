"""A real Glance with the filter in its pipeline: for the demo, and for the tests that need one."""
