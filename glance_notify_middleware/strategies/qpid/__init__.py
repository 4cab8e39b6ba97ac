"""The qpid strategy: AMQP 1.0, by Proton."""

from glance_notify_middleware.strategies.qpid.strategy import Qpid

__all__ = ["Qpid"]
