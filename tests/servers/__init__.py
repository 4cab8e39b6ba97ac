"""A real Glance under each server: what a server hides, and what is told nevertheless."""
