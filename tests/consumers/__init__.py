"""Who reads the notifications: the real consumers, fed over RabbitMQ by a real Glance."""
