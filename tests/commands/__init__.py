"""The commands of glance-notify at a real Glance, a real RabbitMQ, and AMQP 1.0."""
