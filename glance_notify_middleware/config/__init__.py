"""From the lines of the filter's section to Settings, or to an error that names the way out.

The room is pure: it opens no file and asks no environment. Read in this order: `settings` (what
comes out), `option` (a line and its value), `kinds` (how values are written), then the tables
`general_options`, `rabbit_options`, `qpid_options` and `webhook_options`. `brokers`,
`transport_url` and `http_url` have the kinds of values that name hosts; `checks` has the rules
about two options.
"""

from glance_notify_middleware.config.option import OptionError
from glance_notify_middleware.config.settings import Settings, Target, read, read_section
from glance_notify_middleware.config.tables import OPTIONS

__all__ = ["OPTIONS", "OptionError", "Settings", "Target", "read", "read_section"]
