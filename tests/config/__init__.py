"""The config room, which is pure: sections as dictionaries go in, settings or errors come out."""
