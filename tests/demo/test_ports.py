"""The ports that servers of the demo and of the tests are given."""

import random
import socket

import pytest

from demo.ports import free_port


@pytest.mark.parametrize("how", ["somebody listens", "a connection has just ended"])
def test_port_that_is_in_use_is_not_given(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used, free = free_port(), free_port()
    with socket.create_server(("127.0.0.1", used)) as server:
        if how == "a connection has just ended":
            with socket.create_connection(("127.0.0.1", used)) as client:
                # Whose side ends first keeps the port for a minute (TIME_WAIT).
                server.accept()[0].close()
                assert client.recv(1) == b""
            server.close()
        monkeypatch.setattr("demo.ports._given", set())
        monkeypatch.setattr(random, "sample", lambda *_: [used, free])
        assert free_port() == free
