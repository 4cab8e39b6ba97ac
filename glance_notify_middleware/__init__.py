"""Notifications for every event in an image's life, from a filter in Glance's pipeline.

Read in this order: `factory` (the Paste entry) and `cli` (the command), `wsgi` (watches requests),
`events` (decides what they mean), `recorder` (the seam between wsgi and delivery), `journal`
(stores), `delivery` and `strategies` (bring to a broker); `config` and `runtime` serve all of them.
docs/architecture.md has the picture.
"""

from glance_notify_middleware.factory import filter_factory

__all__ = ["filter_factory"]
