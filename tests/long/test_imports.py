"""A worker dies in the middle of imports: what had ended is told so, the rest as unknown."""

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import requests

from demo import glance
from demo.glance import Server
from demo.keystone import ALICE, BOB, CAROL, Keystone
from demo.rabbit import Rabbit
from tests.faults.tally import Consumer
from tests.glance.web import Web
from tests.long.conftest import section_to

_MORE = """
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = [{port}]
"""

NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}
FILES = {  # what is imported, for whom, and what is told of it besides image.create
    "/slow-good": (ALICE, ["image.prepare INFO", "image.upload INFO", "image.activate INFO"]),
    "/slow-and-short": (BOB, ["image.prepare INFO", "image.upload ERROR"]),
    "/slow-cut": (CAROL, ["image.prepare INFO", "image.upload ERROR"]),
    "/slow-cut-too": (ALICE, ["image.prepare INFO", "image.upload ERROR"]),
}


def test_what_had_ended_is_told_and_each_that_was_cut_is_one_error(
    rabbit: Rabbit, vhost: str, tmp_path: Path
) -> None:
    section = section_to(rabbit, vhost, tmp_path / "journal")
    accepted: dict[str, str] = {}  # request ids
    with Keystone() as keystone, Web() as web:
        configuration = glance.lay_out(
            tmp_path,
            keystone.url,
            paste=glance.paste_file(section=section),
            default="enabled_import_methods = [web-download]",
            more=_MORE.format(port=web.port),
        )
        with (
            Server(configuration, tmp_path / "glance.log", processes=1) as server,
            Consumer(rabbit, vhost) as consumer,
        ):
            for file, (who, _) in FILES.items():
                headers = {"X-Auth-Token": keystone.token(who)}
                images = f"{server.url}/v2/images"
                image = requests.post(images, json=NEW, headers=headers).json()["id"]
                body = {"method": {"name": "web-download", "uri": web.url + file}}
                answer = requests.post(f"{images}/{image}/import", json=body, headers=headers)
                assert answer.status_code == 202, answer.text
                accepted[file] = answer.headers["x-openstack-request-id"]
                _until(functools.partial(web.waiting.__contains__, file))

            def told(file: str) -> list[str]:
                arrivals = [each for each in consumer.arrivals if each.request_id == accepted[file]]
                return [each.event for each in arrivals]

            def are_told(*files: str) -> bool:
                return all(told(file)[-1:] == FILES[file][1][-1:] for file in files)

            consumer.wait(lambda: all(len(told(file)) == 1 for file in FILES), 60)
            for file in ("/slow-good", "/slow-and-short"):
                web.go_on(file)
                consumer.wait(functools.partial(are_told, file), 60)
            (worker,) = server.workers()
            os.kill(worker, signal.SIGKILL)
            consumer.wait(lambda: are_told(*FILES), 60)
            consumer.wait(lambda: False, 3)  # nothing more comes

    for file, (who, expected) in FILES.items():
        mine = [each for each in consumer.arrivals if each.request_id == accepted[file]]
        of_file = list({each.message_id: each for each in mine}.values())  # a kill may repeat one
        assert [each.event for each in of_file] == expected, (file, of_file)
        assert of_file[-1].is_unknown == ("cut" in file), file
        assert {(each.project_id, each.user_id) for each in of_file} == {
            (who.project_id, who.user_id)
        }


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
