"""The options of the webhook strategy."""

from typing import Any

import pytest

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.http_url import HttpURL
from tests.config.reading import (
    Lines,
    assert_all_are_set,
    assert_refused,
    assert_sets,
    error_of,
    settings_of,
    shown,
)

URL = {"webhook_url": "https://siem.example/in?t=1"}
SIEM = {
    "hosts": (Broker("siem.example", 443, "", ""),),
    "url": HttpURL("https", Broker("siem.example", 443, "", ""), "", "/in?t=1"),
}
PROXY = HttpURL("http", Broker("proxy", 3128, "", ""), "Basic dTpwYTU1", "/")

VALID: tuple[tuple[Lines, dict[str, Any]], ...] = (
    (URL, SIEM),
    ({"webhook_batch": "500"}, {"batch": 500}),
    ({"webhook_secrets_file": "/secrets"}, {"secrets_file": "/secrets"}),
    ({"webhook_token_file": "/token"}, {"token_file": "/token"}),
    (URL | {"webhook_ssl_ca_file": "/ca"}, SIEM | {"ssl_ca_file": "/ca"}),
    (
        {"webhook_ssl_cert_file": "/cert", "webhook_ssl_key_file": "/key"},
        {"ssl_cert_file": "/cert", "ssl_key_file": "/key"},
    ),
    ({"webhook_ssl_verify": "false"}, {"ssl_verify": False}),
    ({"webhook_proxy": "http://u:pa55@proxy:3128"}, {"proxy": PROXY}),
    ({"webhook_connect_timeout": "2"}, {"connect_timeout": 2.0}),
    ({"webhook_answer_timeout": "30s"}, {"answer_timeout": 30.0}),
    ({"webhook_timeout": "1m"}, {"timeout": 60.0}),
    ({"webhook_retry_backoff": "1"}, {"retry_backoff": 1.0}),
    ({"webhook_retry_max_backoff": "5m"}, {"retry_max_backoff": 300.0}),
)


@pytest.mark.parametrize(("lines", "changed"), VALID, ids=shown)
def test_line_sets_its_option_and_no_other(lines: Lines, changed: dict[str, Any]) -> None:
    assert_sets("webhook", lines, changed)


def test_every_option_and_every_setting_has_a_test_that_sets_it() -> None:
    assert_all_are_set("webhook", VALID)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("webhook_batch", "0", "a number between 1 and 500"),
        ("webhook_batch", "501", "a number between 1 and 500"),
        ("webhook_batch", "all", "a number between 1 and 500"),
        ("webhook_secrets_file", "whsec", "an absolute path"),
        ("webhook_ssl_verify", "maybe", "true or false"),
        ("webhook_timeout", "0", "seconds, more than 0"),
    ],
)
def test_wrong_value_is_refused_with_the_option_the_value_and_what_was_expected(
    name: str, text: str, expected: str
) -> None:
    assert_refused(name, text, expected)


@pytest.mark.parametrize(
    ("text", "place", "shown_as", "target", "login"),
    [
        ("https://h", ("h", 443), "https://h", "/", ""),
        ("HTTPS://h:8443/a/b?c=d", ("h", 8443), "https://h:8443", "/a/b?c=d", ""),
        ("https://h?t=1", ("h", 443), "https://h", "/?t=1", ""),
        ("https://[::1]:1/", ("::1", 1), "https://[::1]:1", "/", ""),
        ("https://u:p%40%3A@h/", ("h", 443), "https://h", "/", "Basic dTpwQDo="),
        ("https://token@h/", ("h", 443), "https://h", "/", "Basic dG9rZW46"),
        ("http://localhost/a", ("localhost", 80), "http://localhost", "/a", ""),
        ("http://127.0.0.9:8080/a", ("127.0.0.9", 8080), "http://127.0.0.9:8080", "/a", ""),
    ],
)
def test_url_is_split_into_what_is_shown_and_what_is_not(
    text: str, place: tuple[str, int], shown_as: str, target: str, login: str
) -> None:
    url = settings_of({"webhook_url": text}).webhook.url
    assert url is not None
    assert (url.broker.host, url.broker.port) == place
    assert (str(url), url.target, url.login) == (shown_as, target, login)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://h/secret", "it is not https:// and a host"),
        ("h/secret", "it is not https:// and a host"),
        ("http://h/secret", "without TLS it may lead to this machine alone"),
        ("http://10.0.0.1/secret", "without TLS it may lead to this machine alone"),
        ("https://h/sec#ret", "it has a #, which is written %23"),
        ("https://h/sec ret", "it has a character that a URL cannot have"),
        ("https://h/secret\u00e9", "it has a character that a URL cannot have"),
        ("https://u:se/cret@h/", "its host or its port is not one"),
        ("https://h:port/secret", "its host or its port is not one"),
        ("https:///secret", "its host or its port is not one"),
        ("https://h/sec\nrabbit_host = ret", "indented"),
    ],
)
def test_refused_url_is_not_in_the_error(url: str, why: str) -> None:
    error = error_of({"webhook_url": url})
    text = str(error)
    assert text.startswith("option webhook_url of the notify filter: its value is not valid (")
    assert why in text
    assert "expected https://host/path" in text
    for part in ("sec", "ret"):
        assert part not in text
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("url", ["https://u:pa55@h", "http://u:pa55@h/pa55", "proxy:3128", "pa55"])
def test_refused_proxy_is_not_in_the_error(url: str) -> None:
    text = str(error_of({"webhook_proxy": url}))
    assert text.startswith("option webhook_proxy of the notify filter: its value is not valid (")
    assert "expected http://host:port" in text
    assert "pa55" not in text


def test_text_of_the_settings_holds_neither_path_nor_user_nor_password() -> None:
    lines = {
        "webhook_url": "https://pa55user:pa55word@h/pa55path?pa55query",
        "webhook_proxy": "http://pa55user:pa55word@proxy",
    }
    settings = settings_of(lines)
    assert settings.webhook.url is not None
    assert "pa55path" in settings.webhook.url.target
    text = f"{settings} {settings!r} {settings.webhook.url}"
    for hidden in ("pa55", settings.webhook.url.login):
        assert hidden not in text


LOOPBACK = {"webhook_url": "http://127.0.0.1/"}


@pytest.mark.parametrize(
    ("lines", "first", "second"),
    [
        ({"notifier_strategy": "webhook"}, "notifier_strategy", "webhook_url"),
        (LOOPBACK | {"webhook_ssl_ca_file": "/ca"}, "webhook_ssl_ca_file", "webhook_url"),
        (LOOPBACK | {"webhook_ssl_verify": "no"}, "webhook_ssl_verify", "webhook_url"),
        (LOOPBACK | {"webhook_proxy": "http://p"}, "webhook_proxy", "webhook_url"),
        (URL | {"webhook_ssl_cert_file": "/c"}, "webhook_ssl_cert_file", "webhook_ssl_key_file"),
        (URL | {"webhook_ssl_key_file": "/k"}, "webhook_ssl_key_file", "webhook_ssl_cert_file"),
        (
            {"webhook_url": "https://u:pa55@h/", "webhook_token_file": "/t"},
            "webhook_url",
            "webhook_token_file",
        ),
        ({"webhook_connect_timeout": "31"}, "webhook_connect_timeout", "webhook_timeout"),
        ({"webhook_timeout": "9"}, "webhook_answer_timeout", "webhook_timeout"),
        (
            {"webhook_retry_backoff": "2", "webhook_retry_max_backoff": "1"},
            "webhook_retry_backoff",
            "webhook_retry_max_backoff",
        ),
    ],
    ids=shown,
)
def test_options_that_contradict_each_other_are_both_named(
    lines: Lines, first: str, second: str
) -> None:
    error = str(error_of(lines))
    assert f"options {first} and {second} of the notify filter: " in error
    assert "pa55" not in error
