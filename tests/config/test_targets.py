"""Named targets: lines NAME.option, what each target has of them, and what is refused."""

import pytest

from glance_notify_middleware.config import OPTIONS, OptionError, read_section
from glance_notify_middleware.config.option import Scope
from glance_notify_middleware.config.target_lines import closest
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.selection import ALL_KINDS, Selection
from tests.config.reading import Lines, error_of, settings_of

BILLING: Lines = {"notifier_strategy": "billing", "billing.strategy": "rabbit"}
TWO: Lines = {
    "notifier_strategy": "billing, logging",
    "billing.strategy": "rabbit",
    "billing.rabbit_host": "b",
}


def test_word_without_lines_of_its_own_is_a_target_of_the_strategy_of_that_name() -> None:
    settings = settings_of({"notifier_strategy": "Rabbit, logging, Pigeon"})
    assert [(each.name, each.strategy) for each in settings.targets.values()] == [
        ("rabbit", "rabbit"),
        ("logging", "logging"),
        ("Pigeon", "Pigeon"),
    ]
    for target in settings.targets.values():
        assert not target.has_own_lines
        assert target.option("priorities") == "priorities"
        assert target.settings.targets == {}
        assert target.selection(settings).is_all_of(ALL_KINDS)


def test_noop_has_no_target() -> None:
    assert settings_of({}).targets == {}


@pytest.mark.parametrize("noop", ["noop", " Default "])
def test_lines_of_targets_may_stay_with_noop(noop: str) -> None:
    alone = {"notifier_strategy": noop}
    lines = {
        "billing.strategy": "rabbit",
        "billing.rabbit_port": "x",
        "billing.nonsense": "1",
        "siem.strategy": "webhook",
        "rabbit.priorities": "info",
    }
    assert settings_of(lines | alone) == settings_of(alone)
    assert read_section({}, lines | alone, "this-host").targets == {}


def test_named_target_has_its_strategy_and_its_own_lines_over_those_for_all() -> None:
    settings = settings_of(
        {
            "notifier_strategy": "Billing_1, audit-2",
            "Billing_1.strategy": "Rabbit",
            "Billing_1.rabbit_virtual_host": "billing",
            "Billing_1.priorities": "info",
            "audit-2.strategy": "logging",
            "audit-2.log_file": "/var/log/audit",
            "rabbit_virtual_host": "all",
            "message_format": "oslo",
            "priorities": "warn",
        }
    )
    billing, audit = settings.targets["Billing_1"], settings.targets["audit-2"]
    assert (billing.strategy, audit.strategy) == ("rabbit", "logging")
    assert billing.settings.rabbit.virtual_host == "billing"
    assert billing.settings.priorities == (Priority.INFO,)
    assert billing.settings.message_format == "oslo"
    assert billing.option("priorities") == "Billing_1.priorities"
    assert audit.settings.rabbit.virtual_host == "all"
    assert audit.settings.priorities == (Priority.WARN,)
    assert (billing.settings.log_file, audit.settings.log_file) == ("", "/var/log/audit")
    assert settings.log_file == ""


def test_name_of_a_strategy_may_have_lines_of_its_own() -> None:
    settings = settings_of(
        {
            "notifier_strategy": "rabbit, qpid",
            "rabbit.rabbit_port": "1",
            "rabbit.strategy": "rabbit",
        }
    )
    assert settings.targets["rabbit"].has_own_lines
    assert settings.targets["rabbit"].settings.rabbit.hosts[0].port == 1
    assert settings.rabbit.hosts[0].port == 5672


@pytest.mark.parametrize(
    ("own", "shared", "host"),
    [
        ({"rabbit_host": "own"}, {"rabbit_hosts": "a,b"}, "own:5672"),
        ({"rabbit_hosts": "own"}, {"rabbit_host": "a"}, "own:5672"),
        ({"transport_url": "rabbit://u:p@own/v"}, {"rabbit_host": "a"}, "own:5672"),
        (
            {"transport_url": "", "rabbit_host": "own"},
            {"transport_url": "rabbit://u:p@a/v"},
            "own:5672",
        ),
        ({"rabbit_port": "7"}, {"rabbit_host": "a"}, "a:7"),
    ],
)
def test_line_of_a_target_takes_the_place_of_what_says_the_same_for_all(
    own: Lines, shared: Lines, host: str
) -> None:
    lines = {**BILLING, **shared, **{f"billing.{name}": text for name, text in own.items()}}
    (broker,) = settings_of(lines).targets["billing"].settings.rabbit.hosts
    assert str(broker) == host


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            BILLING | {"billing.rabbit_port": "b"},
            "option billing.rabbit_port of the notify filter: 'b' is not valid; expected a port",
        ),
        (
            BILLING | {"billing.rabbit_prot": "1"},
            "option billing.rabbit_prot of the notify filter is not known; did you mean "
            "billing.rabbit_port?",
        ),
        (
            BILLING | {"billing.zzz": "1"},
            "option billing.zzz of the notify filter is not known; the options of a target of "
            "rabbit are: create_queues, disabled_notifications, ",
        ),
        (
            BILLING | {"biling.rabbit_port": "1"},
            "option biling.rabbit_port of the notify filter: notifier_strategy has no such target; "
            "did you mean billing.rabbit_port?",
        ),
        (
            BILLING | {"zzz.rabbit_port": "1"},
            "option zzz.rabbit_port of the notify filter: notifier_strategy has no such target; "
            "the targets are: billing",
        ),
        (
            {"noop.priorities": "info"},
            "option noop.priorities of the notify filter: notifier_strategy has no such target; "
            "the targets are: none",
        ),
        (
            BILLING | {"billing.qpid_port": "1"},
            "option billing.qpid_port of the notify filter: the strategy rabbit of this target has "
            "no such option, but qpid has",
        ),
        (
            BILLING | {"billing.log_file": "/a"},
            "option billing.log_file of the notify filter: the strategy rabbit of this target has "
            "no such option, but logging has",
        ),
        (
            {"notifier_strategy": "logging", "logging.message_format": "oslo"},
            "option logging.message_format of the notify filter: the strategy logging of this "
            "target has no such option",
        ),
        (
            {"notifier_strategy": "rabbit", "rabbit.strategy": "qpid"},
            "option rabbit.strategy of the notify filter: rabbit is a strategy of this package, ",
        ),
        (
            BILLING | {"billing.strategy": "noop"},
            "option billing.strategy of the notify filter: 'noop' is not valid; expected logging,",
        ),
        (
            BILLING | {"billing.strategy": "a b"},
            "option billing.strategy of the notify filter: 'a b' is not valid; expected logging,",
        ),
        (
            BILLING | {"notifier_strategy": "bil:ling"},
            "option notifier_strategy of the notify filter: 'bil:ling' is not valid",
        ),
        (
            BILLING | {"billing.rabbit_password": "pa55", "billing.rabbit_password_file": "/p"},
            "options billing.rabbit_password and billing.rabbit_password_file of the notify "
            "filter: for target billing, both say the same",
        ),
        (
            BILLING | {"transport_url": "rabbit://u:pa55@h/", "billing.rabbit_host": "b"},
            "options transport_url and billing.rabbit_host of the notify filter: for target billin",
        ),
        (
            BILLING | {"billing.create_queues": "auto"},
            "options billing.create_queues and billing.rabbit_durable_queues of the notify filter:",
        ),
        (
            BILLING
            | {
                "billing.transport_url": "rabbit://u:pa55@h/?ssl=1",
                "billing.rabbit_use_ssl": "false",
            },
            "options billing.transport_url and billing.rabbit_use_ssl of the notify filter: for",
        ),
        (
            BILLING | {"billing.rabbit_password": " "},
            "option billing.rabbit_password of the notify filter: its value is not valid; expected",
        ),
        (
            BILLING | {"billing.transport_url": "http://u:pa55@h"},
            "option billing.transport_url of the notify filter: its value is not valid",
        ),
    ],
)
def test_wrong_line_of_a_target_is_an_error_that_names_target_and_option(
    lines: Lines, text: str
) -> None:
    error = error_of(lines)
    assert str(error).startswith(text)
    assert "pa55" not in f"{error!r} {error.__cause__!r} {error.__context__!r}"


@pytest.mark.parametrize(
    "option", [option.name for option in OPTIONS if option.scope is Scope.FILTER]
)
@pytest.mark.parametrize("strategy", ["rabbit", "logging", "pigeon"])
def test_option_for_the_whole_filter_is_refused_for_a_target(option: str, strategy: str) -> None:
    lines = {"notifier_strategy": "one", "one.strategy": strategy, f"one.{option}": "1"}
    assert str(error_of(lines)) == (
        f"option one.{option} of the notify filter: it is one for all targets; expected a line "
        f"{option}, without a name"
    )


def test_options_for_all_need_not_agree_where_every_target_of_their_strategy_has_its_own() -> None:
    lines: Lines = {"create_queues": "auto", "billing.rabbit_durable_queues": "true"}
    assert settings_of(TWO | lines).targets["billing"].settings.rabbit.durable_queues
    error = error_of(TWO | lines | {"notifier_strategy": "billing, rabbit"})
    assert error.options == ("create_queues", "rabbit_durable_queues")


def test_options_of_another_strategy_need_not_agree_for_a_target() -> None:
    lines: Lines = {"notifier_strategy": "one, two", "one.strategy": "rabbit"}
    lines |= {"two.strategy": "qpid", "one.rabbit_port": "1", "qpid_password_file": "/p"}
    assert settings_of(lines | {"two.qpid_username": "u"}).targets["one"]


def test_lines_of_a_target_of_an_installed_strategy_are_its_own_options() -> None:
    settings = settings_of(
        {
            "notifier_strategy": "loft",
            "loft.strategy": "pigeon",
            "loft.wing": " pa55 ",
            "loft.rabbit_port": "no port",
            "loft.priorities": "info",
        }
    )
    loft = settings.targets["loft"].settings
    assert loft.own_options == {"wing": "pa55", "rabbit_port": "no port"}
    assert loft.priorities == (Priority.INFO,)
    assert loft.rabbit == settings.rabbit
    assert "pa55" not in repr(settings)


def test_text_of_the_settings_holds_no_password_of_a_target() -> None:
    lines: Lines = {"billing.rabbit_password": "pa55", "billing.rabbit_userid": "u"}
    settings = settings_of(BILLING | lines)
    assert settings.targets["billing"].settings.rabbit.hosts[0].password == "pa55"
    assert "pa55" not in repr(settings)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("one.rabbit_prot", "one.rabbit_port"),
        ("on.rabbit_port", "one.rabbit_port"),
        ("one.stratgy", "one.strategy"),
        ("one.zzz", ""),
        ("zzz.rabbit_port", ""),
        ("two.rabbit_prot", ""),
    ],
)
def test_line_that_is_probably_meant_has_a_name_that_is_close(line: str, meant: str) -> None:
    lines: Lines = {"one.strategy": "rabbit", "two.strategy": "noop"}
    assert closest(line, lines, ["one", "two"]) == meant


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ({"notifier_strategy": "webhook"}, ("notifier_strategy", "webhook_url")),
        (
            {"notifier_strategy": "siem", "siem.strategy": "webhook"},
            ("siem.strategy", "siem.webhook_url"),
        ),
        (
            {"notifier_strategy": "webhook", "webhook.webhook_batch": "2"},
            ("notifier_strategy", "webhook.webhook_url"),
        ),
    ],
)
def test_target_without_what_its_strategy_needs_is_refused(
    lines: Lines, options: tuple[str, ...]
) -> None:
    assert error_of(lines).options == options
    needed = {options[1]: "https://siem.example/"}
    assert settings_of(lines | needed).targets
    assert settings_of(lines | {"webhook_url": "https://siem.example/"}).targets


@pytest.mark.parametrize("name", ["billing.rabbit_password", "billing.strategy"])
def test_line_of_a_target_that_paste_keeps_from_the_filter_is_refused(name: str) -> None:
    shared = {"other.line": "may stand here", name: "pa55"}
    with pytest.raises(OptionError, match=rf"option {name} of .* stands in \[DEFAULT\]") as raised:
        read_section(shared, {"notifier_strategy": "a, billing"}, "glance-1")
    assert "pa55" not in str(raised.value)
    assert read_section(shared, {"notifier_strategy": "logging"}, "glance-1").targets


@pytest.mark.parametrize("word", ["webhook", "WebHook"])
def test_line_of_a_built_in_name_in_any_case_that_paste_keeps_is_refused(word: str) -> None:
    shared = {"webhook.projects": "a"}
    with pytest.raises(OptionError, match=r"option webhook.projects of .* stands in"):
        read_section(shared, {"notifier_strategy": word}, "glance-1")


def test_line_of_another_program_may_have_the_name_of_a_target() -> None:
    lines = {"notifier_strategy": "audit, logging", "audit.strategy": "logging"}
    shared = {"audit": "https://audit.example/", "logging": "x"}
    assert read_section(shared, lines, "glance-1") == read_section({}, lines, "glance-1")


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ({"event_types": "image.send"}, {"image.send"}),
        (
            {
                "event_types": "image.member, image.send",
                "disabled_notifications": "image.member.update",
            },
            {"image.member.create", "image.member.delete", "image.send"},
        ),
    ],
)
def test_event_types_are_wanted_and_no_others(lines: Lines, wanted: set[str]) -> None:
    settings = settings_of(lines)
    assert {kind.value for kind in EventType if settings.wants(kind, Priority.WARN)} == wanted


def test_section_wants_what_any_of_its_targets_wants() -> None:
    settings = settings_of(
        {
            "notifier_strategy": "one, two",
            "one.strategy": "logging",
            "one.event_types": "image.member.create",
            "one.priorities": "info",
            "two.strategy": "rabbit",
            "two.event_types": "image.send",
            "two.priorities": "error",
        }
    )
    assert settings.kinds == {
        ("image.member.create", Priority.INFO),
        ("image.send", Priority.ERROR),
    }
    one = settings.targets["one"]
    assert one.selection(settings) == Selection(
        frozenset({(EventType.MEMBER_CREATE, Priority.INFO)})
    )


@pytest.mark.parametrize(
    ("lines", "records", "by_id"),
    [
        ({}, False, False),
        ({"image_delete_payload": "metadata"}, True, False),
        ({"two.image_delete_payload": "metadata"}, True, True),
        ({"two.image_delete_payload": "metadata", "two.priorities": "warn"}, False, False),
        ({"two.image_delete_payload": "metadata", "two.event_types": "image"}, True, True),
        ({"two.image_delete_payload": "metadata", "two.event_types": "image.send"}, False, False),
        ({"one.projects": "p"}, True, True),
    ],
)
def test_deleted_image_is_recorded_where_a_target_that_wants_deletes_needs_it(
    lines: Lines, records: bool, by_id: bool
) -> None:
    both: Lines = {
        "notifier_strategy": "one, two",
        "one.strategy": "rabbit",
        "two.strategy": "qpid",
    }
    settings = settings_of(both | lines)
    assert settings.records_deleted_images == records
    assert settings.targets["one"].selection(settings).deletes_by_id == by_id
