"""From lines to settings."""
