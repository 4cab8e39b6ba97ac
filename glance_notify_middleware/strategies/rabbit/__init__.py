"""The rabbit strategy: AMQP 0-9-1, by kombu and py-amqp.

Read in this order: `description` (what the rest of the code must know, without the library),
`strategy` (what is special in how it sends), `confirms` (a channel in confirm mode), `frames` (a
message as bytes), `topology` (exchange and queues), `connection` (py-amqp with deadlines).
"""
