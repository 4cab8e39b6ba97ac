"""Wrong set-ups: how each is made, what `glance-notify check` calls it, and how it is mended.

A set-up begins as a right one. A row makes it wrong. The test then runs `check`, expects the
finding of the row's name, takes the mending line from it and applies that, and expects that the
finding has gone.
"""

import os
import pwd
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CANARY = "pa55word"
"""Stands in every password of a set-up, and must never be printed."""

PIPELINES = """\
[composite:glance-api]
paste.composite_factory = glance.api:root_app_factory
/: api
/healthcheck: healthcheck
[composite:glance-api-caching]
paste.composite_factory = glance.api:root_app_factory
/: api
[composite:glance-api-keystone]
paste.composite_factory = glance.api:root_app_factory
/: api
/healthcheck: healthcheck
[composite:glance-api-keystone+caching]
paste.composite_factory = glance.api:root_app_factory
/: api
[composite:glance-api-keystone+cachemanagement]
paste.composite_factory = glance.api:root_app_factory
/: api
[composite:api]
paste.composite_factory = glance.api:pipeline_factory
default = cors http_proxy_to_wsgi versionnegotiation osprofiler unauthenticated-context rootapp
caching = cors http_proxy_to_wsgi versionnegotiation osprofiler unauthenticated-context cache rootapp
keystone = cors http_proxy_to_wsgi versionnegotiation osprofiler authtoken context rootapp
keystone+caching = cors http_proxy_to_wsgi versionnegotiation osprofiler authtoken context cache rootapp
keystone+cachemanagement = cors http_proxy_to_wsgi versionnegotiation osprofiler authtoken context cache cachemanage rootapp
[composite:rootapp]
paste.composite_factory = glance.api:root_app_factory
/: apiversions
/v2: apiv2app
[app:apiversions]
paste.app_factory = glance.api.versions:create_resource
[app:apiv2app]
paste.app_factory = glance.api.v2.router:API.factory
[app:healthcheck]
paste.app_factory = oslo_middleware:Healthcheck.app_factory
backends = disable_by_file
[filter:versionnegotiation]
paste.filter_factory = glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory
[filter:cache]
paste.filter_factory = glance.api.middleware.cache:CacheFilter.factory
[filter:cachemanage]
paste.filter_factory = glance.api.middleware.cache_manage:CacheManageFilter.factory
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory
[filter:unauthenticated-context]
paste.filter_factory = glance.api.middleware.context:UnauthenticatedContextMiddleware.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
[filter:osprofiler]
paste.filter_factory = osprofiler.web:WsgiMiddleware.factory
[filter:cors]
paste.filter_factory =  oslo_middleware.cors:filter_factory
[filter:http_proxy_to_wsgi]
paste.filter_factory = oslo_middleware:HTTPProxyToWSGI.factory
"""
"""What matters here of Glance's own paste file (33.0.0): a test beside a real Glance compares."""

_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUddrxoUXpD2180QugADsz6hVOyHQwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjkyMDQ2NTFaGA8yMTI2MTEwNTIwNDY1
MVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKlY
JJaEzkOphaw8arueo0xNqwyQBkG99kVTbkfq7ZJ4EI0z9/X/jxPmoLmEFtFYuwfj
O1TdM5lqUlVSNzL3C5mjUzBRMB0GA1UdDgQWBBS3/QZvRHUk6bhxYD8lcpcxf5yT
6zAfBgNVHSMEGDAWgBS3/QZvRHUk6bhxYD8lcpcxf5yT6zAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIHYwq8FKb6mACTF5KvRSeMREnzMuVkBz+kKL
OLNWQT6jAiEAuUJorLNNKh31KLgYSIcsXQUnPiNpZCVxG4xQhV4wiWo=
-----END CERTIFICATE-----
"""
"""A certificate of itself, which is good until 2126."""

_PASTE = f"""
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = rabbit, logging
log_file = {{folder}}/log/notifications.log
journal_dir = {{folder}}/journal
journal_max_size = 64MiB
rabbit_hosts = 127.0.0.1
rabbit_userid = glance
rabbit_password = {CANARY}
"""

_CONF = f"""\
[DEFAULT]
transport_url = rabbit://glance:{CANARY}@rabbit.example/openstack
[paste_deploy]
flavor = keystone
[oslo_messaging_notifications]
driver = noop
[keystone_authtoken]
password = {CANARY}
"""

_UWSGI = """\
[uwsgi]
module = glance.wsgi.api:application
processes = 4
enable-threads = true
lazy-apps = true
"""

_IN_SECTION = re.compile(r"in \[(.+?)\] of (\S+): (.+)")


@dataclass
class SetUp:
    """The files of a deployment in a folder, and what a test plays of its machine."""

    folder: Path
    user: str
    """Glance's user."""
    file_systems: dict[Path, str] = field(default_factory=dict)
    """Directory -> the type of the file system that is mounted there; the rest is ext4."""
    versions: dict[str, str] = field(default_factory=dict)
    """Package -> the version that is installed, where a test plays another one than there is."""
    missing: set[str] = field(default_factory=set)
    """The targets whose library is not installed."""
    input: str = CANARY
    """What a command reads that mends something."""

    @property
    def paste(self) -> Path:
        """The paste file."""
        return self.folder / "etc" / "glance-api-paste.ini"

    @property
    def conf(self) -> Path:
        """glance-api.conf."""
        return self.folder / "etc" / "glance-api.conf"

    @property
    def uwsgi(self) -> Path:
        """The file of uWSGI's options."""
        return self.folder / "etc" / "uwsgi.ini"

    @property
    def journal(self) -> Path:
        """journal_dir."""
        return self.folder / "journal"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `check`."""
        named = ["--conf", str(self.conf), "--uwsgi", str(self.uwsgi), "--user", self.user]
        return ["check", str(self.paste), *named]

    def lay_out(self) -> None:
        """Make the right set-up."""
        for name, mode in (("etc", 0o755), ("journal", 0o700), ("log", 0o750)):
            path = self.folder / name
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
            if name != "etc":
                self.give(path)
        for parent in (self.folder, *self.folder.parents):
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        section = _PASTE.format(folder=self.folder)
        pipelines = PIPELINES.replace(" context ", " context notify ")
        self.paste.write_text(pipelines + section)
        self.conf.write_text(_CONF)
        self.uwsgi.write_text(_UWSGI)

    def give(self, path: Path) -> None:
        """Make Glance's user the owner."""
        user = pwd.getpwnam(self.user)
        os.chown(path, user.pw_uid, user.pw_gid)

    def line(self, line: str, section: str = "filter:notify") -> None:
        """Add a line to a section of the paste file, or put it in the place of that of its name."""
        put(self.paste, section, line)

    def without(self, name: str, section: str = "filter:notify") -> None:
        """Take a line out of a section of the paste file."""
        put(self.paste, section, "", name)

    def edit(self, old: str, new: str) -> None:
        """Change the paste file."""
        text = self.paste.read_text()
        assert old in text, old
        self.paste.write_text(text.replace(old, new))

    def apply(self, mend: str) -> None:
        """Apply the mending line of a finding: a line of a file, or a command."""
        command = mend.partition(" (")[0]
        if match := _IN_SECTION.fullmatch(command):
            put(Path(match[2]), match[1], match[3])
            return
        if command.startswith("--volume "):
            self.file_systems[Path(command.partition(":")[2])] = "ext4"
        elif " -m pip install " in command:
            for package, version in re.findall(r"([\w-]+)>=([\d.]+)", command):
                self.versions[package] = version
            self.missing.clear()
        else:
            done = subprocess.run(["sh", "-ec", command], input=self.input, text=True, check=False)
            assert done.returncode == 0, command


def put(path: Path, section: str, line: str, name: str = "") -> None:
    """Put a line into a section, in the place of all lines of its name. Empty: remove them."""
    name = name or line.partition("=")[0].strip()
    lines = path.read_text().splitlines() if path.exists() else []
    if f"[{section}]" not in lines:
        lines += [f"[{section}]"]
    begin = lines.index(f"[{section}]") + 1
    end = next((n for n in range(begin, len(lines)) if lines[n].startswith("[")), len(lines))
    kept = [each for each in lines[begin:end] if re.split(r"\s*=", each)[0] != name]
    lines[begin:end] = [*([line] if line else []), *kept]
    path.write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class WrongSetUp:
    """A row of the table."""

    what: str
    """What is wrong, in a few words."""
    name: str
    """The name of the finding."""
    make: Callable[[SetUp], object]
    """Makes a right set-up wrong."""
    also: tuple[str, ...] = ()
    """The names of findings that follow from it."""
    needs_root: bool = False
    says: str = ""
    """What the finding says: of a mistake in a target's own line the target and the line."""


def _mounted_read_only(at: SetUp) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "mode=0700", "none", str(at.journal)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("this machine lets nobody mount, as in a container")
    at.give(at.journal)
    subprocess.run(["mount", "-o", "remount,ro", at.journal], check=True)


def _several_sections(at: SetUp) -> None:
    at.edit("context notify rootapp", "context notify second rootapp")
    section = at.paste.read_text().partition("[filter:notify]")[2]
    section = section.replace("journal_max_size = 64MiB", "journal_max_size = 32MiB")
    at.paste.write_text(f"{at.paste.read_text()}[filter:second]{section}")


def _full(at: SetUp) -> None:
    at.line("journal_max_size = 8MiB")
    path = at.journal / f"{'a' * 16}.0.seg"
    path.write_bytes(bytes(7 * 2**20))
    at.give(path)


def _of_another_user(at: SetUp) -> None:
    os.chown(at.journal, 0, 0)


def _in_closed_directory(at: SetUp) -> None:
    closed = at.folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "journal").mkdir(mode=0o700)
    at.give(closed / "journal")
    at.line(f"journal_dir = {closed}/journal")


def _journal_is_a_file(at: SetUp) -> None:
    at.journal.rmdir()
    at.journal.touch()


def _password_in_closed_directory(at: SetUp) -> None:
    closed = at.folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "password").write_text(CANARY)
    (closed / "password").chmod(0o644)
    at.without("rabbit_password")
    at.line(f"rabbit_password_file = {closed}/password")


def no_certificates(at: SetUp) -> None:
    """The file of rabbit_ssl_ca_file has no certificate."""
    path = at.folder / "etc" / "ca.pem"
    path.write_text("no certificate")
    at.line("rabbit_use_ssl = true")
    at.line(f"rabbit_ssl_ca_file = {path}")
    # What the mend's command reads in place of it.
    at.input = _CERTIFICATE


def _unreadable_password(at: SetUp) -> None:
    path = at.folder / "etc" / "password"
    path.write_text(CANARY)
    path.chmod(0o600)
    at.without("rabbit_password")
    at.line(f"rabbit_password_file = {path}")


def _missing_password(at: SetUp) -> None:
    at.without("rabbit_password")
    at.line(f"rabbit_password_file = {at.folder}/etc/password")


def _no_secrets(at: SetUp) -> None:
    for name in ("rabbit_hosts", "rabbit_userid", "rabbit_password"):
        at.without(name)
    at.line("notifier_strategy = webhook")
    at.line(f"webhook_url = https://siem.example/{CANARY}")
    path = at.folder / "etc" / "secrets"
    path.write_text(CANARY)
    at.line(f"webhook_secrets_file = {path}")
    at.input = f"whsec_{'c2VjcmV0' * 4}"


def _log_of_root(at: SetUp) -> None:
    path = at.folder / "log" / "notifications.log"
    path.touch(0o600)
    os.chown(path, 0, 0)


def _journal_parent(at: SetUp) -> None:
    at.line(f"journal_dir = {at.folder}/etc/notifications")


def _at_the_same_broker(at: SetUp) -> None:
    put(at.conf, "DEFAULT", f"transport_url = rabbit://glance:{CANARY}@127.0.0.1:5672/")
    put(at.conf, "oslo_messaging_notifications", "driver = messagingv2")


def _to_qpid(at: SetUp) -> None:
    for name in ("rabbit_hosts", "rabbit_userid", "rabbit_password"):
        at.without(name)
    at.line("notifier_strategy = qpid")
    at.line("qpid_username = glance")
    at.line(f"qpid_password = {CANARY}")


def _older_glance(at: SetUp) -> None:
    _to_qpid(at)
    at.versions["glance"] = "30.0.0"
    at.uwsgi.unlink()


def _flavor_with_cache(at: SetUp) -> None:
    put(at.conf, "paste_deploy", "flavor = keystone+caching")
    at.edit("context notify cache rootapp", "context cache notify rootapp")


def _open_journal(at: SetUp) -> None:
    at.journal.chmod(0o770)


def _foreign_file(at: SetUp) -> None:
    (at.journal / "relay.lock").symlink_to("/etc/passwd")


def _no_section(at: SetUp) -> None:
    text, _, section = at.paste.read_text().partition("[filter:notify]")
    at.paste.write_text(text + section.partition("[")[2])


_USER = "rabbit_userid = glance\n"

OF_FILES = (
    # The place in the pipeline.
    WrongSetUp(
        "the pipeline in use lacks the filter",
        "filter-missing",
        lambda at: at.edit("context notify rootapp", "context rootapp"),
    ),
    WrongSetUp(
        "a sister of the pipeline in use lacks the filter",
        "filter-missing-elsewhere",
        lambda at: at.edit("context notify cache rootapp", "context cache rootapp"),
    ),
    WrongSetUp("the filter is behind the cache", "filter-behind-cache", _flavor_with_cache),
    WrongSetUp(
        "the filter is before the context",
        "filter-before-context",
        lambda at: at.edit("authtoken context notify rootapp", "authtoken notify context rootapp"),
    ),
    WrongSetUp(
        "the filter stands twice",
        "filter-repeated",
        lambda at: at.edit("context notify rootapp", "context notify notify rootapp"),
    ),
    WrongSetUp(
        "the filter's word has a mistake",
        "word-unknown",
        lambda at: at.edit("context notify rootapp", "context notifi rootapp"),
        ("filter-missing",),
    ),
    WrongSetUp(
        "another word has a mistake",
        "word-unknown",
        lambda at: at.edit("authtoken context notify rootapp", "authtoken contxt notify rootapp"),
    ),
    WrongSetUp("the filter has no section", "section-missing", _no_section),
    WrongSetUp(
        "the name of the factory has a mistake",
        "factory-unknown",
        lambda at: at.line("paste.filter_factory = glance_notify_middleware:filter_factry"),
    ),
    WrongSetUp(
        "the flavor has no pipeline",
        "flavor-unknown",
        lambda at: put(at.conf, "paste_deploy", "flavor = keystnoe"),
    ),
    # The lines of the paste file.
    WrongSetUp(
        "an option stands in [DEFAULT]",
        "line-swallowed",
        lambda at: at.paste.write_text(f"[DEFAULT]\nrelay = external\n{at.paste.read_text()}"),
    ),
    WrongSetUp(
        "an option stands in [DEFAULT] and in the section",
        "line-swallowed",
        lambda at: at.paste.write_text(f"[DEFAULT]\nlog_file = /x\n{at.paste.read_text()}"),
    ),
    WrongSetUp(
        "an option stands behind the word set",
        "line-swallowed",
        lambda at: at.edit("log_file =", "set log_file ="),
    ),
    WrongSetUp(
        "an option has a mistake in its name",
        "option-unknown",
        lambda at: at.line("journal_syncs = full"),
    ),
    WrongSetUp(
        "a password stands where a name belongs",
        "option-unknown",
        lambda at: at.line(f"{CANARY} = secret"),
    ),
    WrongSetUp("a value has a mistake", "value-wrong", lambda at: at.line("journal_sync = ful")),
    WrongSetUp(
        "a secret value is wrong",
        "value-wrong",
        lambda at: at.line(f"transport_url = rabitt://glance:{CANARY}@host/"),
    ),
    WrongSetUp(
        "a line is indented",
        "line-indented",
        lambda at: at.edit(_USER, f"{_USER}  relay = thread\n"),
    ),
    WrongSetUp(
        "one option needs another",
        "options-contradict",
        lambda at: at.line("create_queues = auto"),
    ),
    WrongSetUp(
        "two options say the same",
        "options-contradict",
        lambda at: at.line(f"transport_url = rabbit://glance:{CANARY}@127.0.0.1/"),
    ),
    WrongSetUp(
        "an option has no meaning",
        "option-without-meaning",
        lambda at: at.line("rabbit_max_retries = 0"),
    ),
    WrongSetUp(
        "no strategy is chosen", "strategy-noop", lambda at: at.without("notifier_strategy")
    ),
    WrongSetUp(
        "a % is not doubled",
        "percent-sign",
        lambda at: at.line(f"rabbit_password = {CANARY}%55"),
    ),
    WrongSetUp(
        "a line is none",
        "paste-line-broken",
        lambda at: at.edit(_USER, f"{_USER}rabbit_password {CANARY}\n"),
    ),
    WrongSetUp(
        "a line stands twice",
        "paste-line-repeated",
        lambda at: at.edit(_USER, _USER * 2),
    ),
    WrongSetUp(
        "a section stands twice",
        "paste-section-repeated",
        lambda at: at.paste.write_text(f"{at.paste.read_text()}[filter:notify]\nrelay = thread\n"),
    ),
    WrongSetUp("two sections disagree", "sections-disagree", _several_sections),
    # Files.
    WrongSetUp(
        "Glance's user may not read the paste file",
        "paste-file-unreadable",
        lambda at: at.paste.chmod(0o600),
        needs_root=True,
    ),
    WrongSetUp(
        "the password file is missing", "credentials-missing", _missing_password, needs_root=True
    ),
    WrongSetUp(
        "Glance's user may not read the password file",
        "credentials-unreadable",
        _unreadable_password,
        needs_root=True,
    ),
    WrongSetUp(
        "the password file is in a closed directory",
        "credentials-unreadable",
        _password_in_closed_directory,
        needs_root=True,
    ),
    WrongSetUp("a file of certificates has none", "credentials-missing", no_certificates),
    WrongSetUp("a file of secrets has none", "credentials-missing", _no_secrets),
    WrongSetUp("log_file belongs to root", "log-file-not-writable", _log_of_root, needs_root=True),
    WrongSetUp(
        "the directory of log_file is missing",
        "log-file-not-writable",
        lambda at: at.line(f"log_file = {at.folder}/logs/notifications.log"),
        needs_root=True,
    ),
    # journal_dir.
    WrongSetUp("journal_dir cannot be made", "journal-missing", _journal_parent, needs_root=True),
    WrongSetUp("journal_dir is a file", "journal-missing", _journal_is_a_file, needs_root=True),
    WrongSetUp("journal_dir belongs to root", "journal-owner", _of_another_user, needs_root=True),
    WrongSetUp(
        "journal_dir has not the mode", "journal-not-writable", lambda at: at.journal.chmod(0o500)
    ),
    WrongSetUp(
        "journal_dir is in a closed directory",
        "journal-not-writable",
        _in_closed_directory,
        needs_root=True,
    ),
    WrongSetUp(
        "journal_dir is on a read-only disk",
        "journal-read-only",
        _mounted_read_only,
        needs_root=True,
    ),
    WrongSetUp("journal_dir is open to others", "journal-mode", _open_journal),
    WrongSetUp("a link lies in journal_dir", "journal-foreign-file", _foreign_file),
    WrongSetUp(
        "journal_dir is in memory",
        "journal-in-memory",
        lambda at: at.file_systems.update({at.journal: "tmpfs"}),
    ),
    WrongSetUp(
        "journal_dir is in a container",
        "journal-in-container",
        lambda at: at.file_systems.update({at.journal: "overlay"}),
    ),
    WrongSetUp(
        "journal_dir is on a network file system",
        "journal-on-network",
        lambda at: at.file_systems.update({at.journal: "nfs4"}),
    ),
    WrongSetUp(
        "the bound is too small for the processes",
        "journal-bound-small",
        lambda at: at.line("journal_max_size = 1MiB"),
    ),
    WrongSetUp(
        "the bound is larger than the disk",
        "journal-bound-large",
        lambda at: at.line("journal_max_size = 9000000GiB"),
    ),
    WrongSetUp("the journal is nearly full", "journal-nearly-full", _full),
    # What is beside the filter.
    WrongSetUp(
        "uWSGI has no threads",
        "uwsgi-without-threads",
        lambda at: put(at.uwsgi, "uwsgi", "enable-threads = false"),
    ),
    WrongSetUp("Glance's own notifier is on", "notified-twice", _at_the_same_broker),
    WrongSetUp("qpid delivers under eventlet", "qpid-under-eventlet", _older_glance),
    WrongSetUp(
        "amqp is too old",
        "library-old",
        lambda at: at.versions.update({"amqp": "5.1.1"}),
    ),
    WrongSetUp(
        "a library is not installed", "library-missing", lambda at: at.missing.add("rabbit")
    ),
    WrongSetUp(
        "a strategy is not installed",
        "strategy-unknown",
        lambda at: at.line("notifier_strategy = rabbit, kafka"),
    ),
    WrongSetUp(
        "a strategy is mistyped",
        "strategy-unknown",
        lambda at: at.line("notifier_strategy = rabit"),
    ),
)
"""The set-ups that are wrong without a broker."""
