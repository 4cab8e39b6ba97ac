"""Against a real, unmodified Glance: in process, and under uWSGI."""
