"""What the places on a RabbitMQ node have in common."""

from demo.rabbit import Rabbit as Node


class NodePlace:
    """A place on a node: what happens to the broker happens to the node."""

    connects_with_password = True
    over_tls = False

    def __init__(self, node: Node) -> None:
        self.node = node
        self.port = node.port

    def freeze(self) -> None:
        self.node.freeze()

    def thaw(self) -> None:
        self.node.thaw()

    def crash(self) -> None:
        self.node.kill()

    def start(self) -> None:
        self.node.start()
