"""A small stand-in for Keystone: issues and validates v3 tokens, enough for keystonemiddleware.

For the demo and the tests only.
"""

import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from paste import httpserver
from webob import Request, Response


@dataclass(frozen=True)
class Person:
    """A user. The ids are made of the names, so that they are the same in every run."""

    name: str
    project: str
    roles: tuple[str, ...] = ("member", "reader")

    @property
    def password(self) -> str:
        return f"{self.name}-secret"

    @property
    def user_id(self) -> str:
        return uuid.uuid5(uuid.NAMESPACE_DNS, f"user {self.name}").hex

    @property
    def project_id(self) -> str:
        return uuid.uuid5(uuid.NAMESPACE_DNS, f"project {self.project}").hex


ALICE = Person("alice", "owner")
BOB = Person("bob", "partner")
CAROL = Person("carol", "stranger")
ROOT = Person("root", "admin", ("admin", "member", "reader"))
SERVICE = Person("glance", "service", ("service", "admin"))
PEOPLE = {person.name: person for person in (ALICE, BOB, CAROL, ROOT, SERVICE)}


class Keystone:
    """Serves on a free port of loopback, until the context manager is left.

    `glances` has the URL of the Glance in each region, for the service catalog.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, Person] = {}
        self.glances: dict[str, str] = {}
        self._server = httpserver.serve(
            self._app, host="127.0.0.1", port="0", start_loop=False, daemon_threads=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v3"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def token(self, person: Person) -> str:
        """A new token for a person, without a request over HTTP."""
        token = uuid.uuid4().hex
        self._tokens[token] = person
        return token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def _app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.path_info.rstrip("/") == "/v3":
            version = {
                "id": "v3.14",
                "status": "stable",
                "links": [{"rel": "self", "href": self.url}],
            }
            response = Response(json={"version": version})
        elif request.path_info != "/v3/auth/tokens":
            response = Response(status=404)
        elif request.method == "POST":
            response = self._issue(request)
        else:
            response = self._validate(request)
        answered: Iterable[bytes] = response(environ, start_response)
        return answered

    def _issue(self, request: Request) -> Response:
        user = request.json["auth"]["identity"]["password"]["user"]
        person = PEOPLE.get(user["name"])
        if person is None or user["password"] != person.password:
            return Response(status=401)
        answer = Response(json=self._token(person), status=201)
        answer.headers["X-Subject-Token"] = self.token(person)
        return answer

    def _validate(self, request: Request) -> Response:
        person = self._tokens.get(request.headers.get("X-Subject-Token", ""))
        if request.headers.get("X-Auth-Token") not in self._tokens:
            return Response(status=401)
        return Response(status=404) if person is None else Response(json=self._token(person))

    def _token(self, person: Person) -> dict[str, Any]:
        domain = {"id": "default", "name": "Default"}
        endpoint = {"interface": "internal", "region": "demo", "url": self.url}
        glances = [
            {"interface": "public", "region": region, "url": url}
            for region, url in self.glances.items()
        ]
        return {
            "token": {
                "methods": ["password"],
                "user": {"id": person.user_id, "name": person.name, "domain": domain},
                "project": {"id": person.project_id, "name": person.project, "domain": domain},
                "roles": [{"id": role, "name": role} for role in person.roles],
                "audit_ids": [uuid.uuid4().hex],
                "issued_at": "2020-01-01T00:00:00.000000Z",
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "catalog": [
                    {"type": "identity", "name": "keystone", "endpoints": [endpoint]},
                    {"type": "image", "name": "glance", "endpoints": glances},
                ],
            }
        }
