"""The qpid strategy: AMQP 1.0, by Proton.

Read in this order: `description` (what the rest of the code must know, without the library),
`strategy` (what is special in how it sends), `sender` (a link and the outcomes of its messages),
`message` (a message as bytes), `engine` (Proton's protocol engine), `sasl` (authentication).
"""
