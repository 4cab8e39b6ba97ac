"""The strategies, each at a real broker and at peers that behave badly.

`test_contract*` run over every strategy: the fixture `place` (conftest) is its broker. The modules
test_rabbit_* and test_qpid_* test what only one strategy does. Helpers: `sending` (messages, and
the error of a send), `places`, `rabbit_place` and `qpid_place` (a strategy's broker), `bad_peers`,
`amqp10_peer` and `amqp10_answers` (peers that do what a test chooses). The fixtures that start a
RabbitMQ node skip where none is installed.
"""
