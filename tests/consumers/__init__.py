"""Real consumers of the notifications, which come from a real Glance over RabbitMQ."""
