"""The rabbit strategy: AMQP 0-9-1, by kombu."""

from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

__all__ = ["Rabbit"]
