"""A cluster of three RabbitMQ nodes on loopback, with folders and a port mapper of its own."""

import contextlib
import time
from pathlib import Path
from typing import Self

import requests

from demo.rabbit import PortMapper, Rabbit

NAMES = ("one", "two", "three")


class RabbitCluster:
    """A cluster, in a `with` statement: up from the first line on, and ended after the last."""

    def __init__(self, folder: Path) -> None:
        self._mapper = PortMapper(folder)
        self.nodes = [Rabbit(folder / name, name=name, mapper=self._mapper) for name in NAMES]
        self._at_the_end = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._at_the_end.enter_context(self._mapper)
            for node in self.nodes:
                self._at_the_end.callback(node.kill)  # its data is not needed any more
                node.start()
            first, *others = self.nodes
            for node in others:
                node.ctl("stop_app")
                node.ctl("join_cluster", first.name)
                node.ctl("start_app")
            self.wait_until_whole()
        except BaseException:  # Ctrl-C too
            self._at_the_end.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._at_the_end.close()

    @property
    def hosts(self) -> str:
        """All nodes, as the value of `rabbit_hosts`."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def wait_until_whole(self, seconds: float = 60) -> None:
        """Wait until each node knows that all nodes run. Raises RuntimeError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not all(self._running(node) == len(NAMES) for node in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError("the nodes did not become one cluster")
            time.sleep(0.2)

    def node_of_the_connection(self, seconds: float = 30) -> Rabbit:
        """The node that the relay is connected to. Raises RuntimeError after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for connection in self.nodes[0].api("GET", "connections"):
                properties = connection.get("client_properties", {})
                if properties.get("product") == "glance_notify_middleware":
                    return next(node for node in self.nodes if node.name == connection["node"])
            time.sleep(0.2)
        raise RuntimeError("the relay is connected to no node")

    def _running(self, node: Rabbit) -> int:
        with contextlib.suppress(requests.RequestException):
            return sum(member["running"] for member in node.api("GET", "nodes"))
        return 0
