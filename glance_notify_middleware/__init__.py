"""Notifications for every event in an image's life, from a filter in Glance's pipeline."""

from glance_notify_middleware.factory import filter_factory

__all__ = ["filter_factory"]
