"""Against a real RabbitMQ node."""
