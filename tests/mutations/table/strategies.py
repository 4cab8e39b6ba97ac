"""Mistakes in strategies: the ways to the brokers."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "the first message of a priority is not sent alone",
        "strategies/probing.py",
        "return list(probed) or waiting[:1]",
        "return waiting",
        (
            "strategies/test_probing.py"
            "::test_first_message_of_a_priority_goes_alone_at_each_connection",
        ),
    ),
    Mutation(
        "a connection that ends over each probe counts as a refusal of all priorities",
        "strategies/probing.py",
        "if self._suspects and not self._has_gone_on:",
        "if False:",
        ("strategies/test_probing.py::test_connection_that_ends_over_every_probe_is_an_error",),
    ),
    Mutation(
        "a priority is probed once, not at each connection",
        "strategies/probing.py",
        "        self._probed.clear()\n",
        "",
        (
            "strategies/test_probing.py"
            "::test_first_message_of_a_priority_goes_alone_at_each_connection",
        ),
    ),
    Mutation(
        "queues are created by default",
        "strategies/rabbit/topology.py",
        'self.creates = settings.create_queues == "auto"',
        'self.creates = settings.create_queues != "never"',
        (
            "strategies/test_rabbit_topology.py"
            "::test_default_of_create_queues_declares_nothing_and_messages_wait",
        ),
    ),
    Mutation(
        "data that a gone peer does not acknowledge is given up after a quarter of an hour",
        "strategies/rabbit/connection.py",
        "{socket.TCP_USER_TIMEOUT: 20000, socket.TCP_MAXSEG: 0}",
        "{socket.TCP_USER_TIMEOUT: 0, socket.TCP_MAXSEG: 0}",
        ("strategies/test_rabbit_node.py::test_unacknowledged_data_is_given_up_after_20_seconds",),
    ),
    Mutation(
        "filters that share a journal_dir may send to different virtual hosts",
        "strategies/rabbit/description.py",
        '            "rabbit_virtual_host": rabbit.virtual_host,\n',
        "",
        ("doors/test_one_journal_dir.py::test_option_is_compared_or_decides_nothing_for_others",),
    ),
    Mutation(
        "every ack is taken for that of the oldest message",
        "strategies/rabbit/confirms.py",
        "if multiple else [tag]",
        "if multiple else list(self._waiting)[:1]",
        ("strategies/test_rabbit_confirms.py::test_ack_is_for_its_own_message_alone",),
    ),
    Mutation(
        "an ack of several messages is taken for that of all that wait",
        "strategies/rabbit/confirms.py",
        "list(itertools.takewhile(tag.__ge__, self._waiting)) if multiple",
        "list(self._waiting) if multiple",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_multiple_ack_is_for_all_messages_up_to_it_that_still_wait",
        ),
    ),
    Mutation(
        "confirms are waited for before the messages are sent",
        "strategies/rabbit/confirms.py",
        "                send()\n                while not",
        "                while not",
        ("strategies/test_rabbit_confirms.py::test_unconfirmed_messages_are_no_more_than_allowed",),
    ),
    Mutation(
        "messages are sent again with the next ones",
        "strategies/rabbit/confirms.py",
        "            unsent.clear()\n",
        "",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_messages_are_sent_in_their_order_many_by_one_call",
        ),
    ),
    Mutation(
        "a broker that reads no more is asked for another channel, in the middle of a frame",
        "strategies/rabbit/connection.py",
        "        except TimeoutError as error:\n            raise amqp.RecoverableConnectionError",
        "        except TimeoutError as error:\n            raise TimeoutError",
        (
            "strategies/test_rabbit_connection.py"
            "::test_broker_that_reads_no_more_is_asked_nothing_more",
        ),
    ),
    Mutation(
        "a long body is cut into frames as long as the longest frame, and their ends on top",
        "strategies/rabbit/frames.py",
        "    most = longest - _AROUND\n",
        "    most = longest\n",
        ("strategies/test_rabbit_frames.py::test_frames_are_those_of_py_amqp",),
    ),
    Mutation(
        "delivery tags continue from those of the last channel",
        "strategies/rabbit/confirms.py",
        "        self._last_tag = 0\n",
        "        self._last_tag = 1\n",
        ("strategies/test_rabbit_confirms.py::test_tags_begin_at_1_with_a_new_channel",),
    ),
    Mutation(
        "a message that was never sent uses up a delivery tag",
        "strategies/rabbit/confirms.py",
        "                outcomes[index] = Outcome.REJECTED\n",
        "                outcomes[index] = Outcome.REJECTED\n                self._last_tag += 1\n",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_message_that_amqp_cannot_express_is_rejected_and_has_no_tag",
        ),
    ),
    Mutation(
        "the bytes of a confirmed message still count as on their way",
        "strategies/rabbit/confirms.py",
        "self._waiting_bytes -= sum(",
        "_ = sum(",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_confirmed_message_makes_room_for_as_many_bytes",
        ),
    ),
    Mutation(
        "requests do not run while the frames of a long batch are made",
        "strategies/rabbit/confirms.py",
        "                give_way()\n",
        "",
        ("strategies/test_rabbit_confirms.py::test_long_batch_gives_way_once_in_64_kib",),
    ),
    Mutation(
        "the broker's patience runs while the lane reads on",
        "strategies/rabbit/confirms.py",
        "                self._connection.deadline.renew()  # the time",
        "                pass  # the time",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_time_in_which_the_lane_reads_on_is_not_taken_from_the_broker",
        ),
    ),
    Mutation(
        "messages are not mandatory",
        "strategies/rabbit/frames.py",
        '_MANDATORY = b"\\x01"',
        '_MANDATORY = b"\\x00"',
        (
            "strategies/test_rabbit_confirms.py"
            "::test_message_has_the_properties_that_consumers_and_the_broker_need",
        ),
    ),
    Mutation(
        "messages are not persistent",
        "strategies/rabbit/frames.py",
        '_PERSISTENT = b"\\x02"',
        '_PERSISTENT = b"\\x01"',
        (
            "strategies/test_rabbit_confirms.py"
            "::test_message_has_the_properties_that_consumers_and_the_broker_need",
        ),
    ),
    Mutation(
        "a returned message counts as taken when its ack comes",
        "strategies/rabbit/confirms.py",
        "Outcome.UNROUTABLE if returned else Outcome.TAKEN",
        "Outcome.TAKEN",
        (
            "strategies/test_rabbit_confirms.py"
            "::test_returned_message_is_unroutable_when_it_is_acked",
        ),
    ),
    Mutation(
        "a modified message counts as taken",
        "strategies/qpid/sender.py",
        "if delivery.remote.undeliverable else Outcome.REFUSED",
        "if delivery.remote.undeliverable else Outcome.TAKEN",
        ("strategies/test_qpid_peer.py::test_message_is_taken_only_when_it_is_accepted",),
    ),
    Mutation(
        "every byte of a peer renews its deadline",
        "strategies/qpid/engine.py",
        "            kind, delivery = event.type",
        "            self._deadline.renew()\n            kind, delivery = event.type",
        (
            "strategies/test_qpid_peer.py"
            "::test_connection_that_ends_early_is_an_error_with_the_known_outcomes",
        ),
    ),
    Mutation(
        "a peer that never stops sending is read without end",
        "strategies/qpid/engine.py",
        "        self._deadline.left()\n        has_read",
        "        has_read",
        (
            "strategies/test_qpid_peer.py"
            "::test_peer_that_never_stops_sending_is_read_until_the_deadline",
        ),
    ),
    Mutation(
        "the end of a session is not noticed",
        "strategies/qpid/engine.py",
        '    proton.Event.SESSION_REMOTE_CLOSE: "session",\n',
        "",
        (
            "strategies/test_qpid_peer.py"
            "::test_connection_that_ends_early_is_an_error_with_the_known_outcomes",
        ),
    ),
    Mutation(
        "the connection is kept after an error",
        "strategies/connected.py",
        "        self._drop()\n        self._host_number += 1",
        "        self._host_number += 1",
        (
            "strategies/test_qpid_peer.py"
            "::test_connection_that_ends_early_is_an_error_with_the_known_outcomes",
        ),
    ),
    Mutation(
        "no heartbeat is sent while there is nothing to send",
        "strategies/qpid/engine.py",
        "self._transport.tick(time.monotonic())",
        "0.0",
        (
            "strategies/test_qpid_peer.py"
            "::test_keep_alive_sends_heartbeats_and_notices_a_silent_broker",
        ),
    ),
    Mutation(
        "qpid waits with the selector that eventlet removes",
        "strategies/stream.py",
        'getattr(selectors, "PollSelector", selectors.SelectSelector)()',
        "selectors.PollSelector()",
        (
            "strategies/test_filter_process.py"
            "::test_process_with_qpid_delivers_is_never_blocked_and_ends[plain-eventlet]",
        ),
    ),
    Mutation(
        "Proton ends before the threads that use it",
        "strategies/qpid/engine.py",
        "        atexit.unregister(forget)\n",
        "        pass\n",
        (
            "strategies/test_filter_process.py"
            "::test_process_with_qpid_delivers_is_never_blocked_and_ends[plain-threads]",
        ),
    ),
)
