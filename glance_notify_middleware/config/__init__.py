"""From the lines of the filter's section to Settings, or to an error that names the way out."""

from glance_notify_middleware.config.settings import OptionError, Settings, read, read_section

__all__ = ["OptionError", "Settings", "read", "read_section"]
