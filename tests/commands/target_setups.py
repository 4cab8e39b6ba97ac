"""Wrong set-ups whose mistake stands in a line that a named target has of its own.

Rows as those of `wrong_setups`; each says which text of the finding names the target and its line.
"""

from tests.commands.wrong_setups import SetUp, WrongSetUp, no_certificates


def _named(at: SetUp) -> None:
    """Make the targets billing, in the place of rabbit, and members, in that of logging."""
    log_file = f"{at.folder}/log/notifications.log"
    at.line("notifier_strategy = billing, members")
    at.line("billing.strategy = rabbit")
    at.line("members.strategy = logging")
    at.without("log_file")
    at.line(f"members.log_file = {log_file}")


def _of_target(what: str, name: str, *lines: str, says: str, root: bool = False) -> WrongSetUp:
    """A row whose mistake stands in lines of a named target; `{folder}` is that of the set-up."""

    def make(at: SetUp) -> None:
        _named(at)
        for line in lines:
            at.line(line.format(folder=at.folder))

    return WrongSetUp(what, name, make, needs_root=root, says=says)


def _authorities_of_a_target(at: SetUp) -> None:
    no_certificates(at)
    _named(at)
    at.edit("rabbit_ssl_ca_file", "billing.rabbit_ssl_ca_file")
    at.edit("rabbit_use_ssl", "billing.rabbit_use_ssl")


OF_TARGETS = (
    _of_target(
        "an option of a target has a mistake in its name",
        "option-unknown",
        "billing.rabbit_prot = 5672",
        says="option billing.rabbit_prot is not known; did you mean billing.rabbit_port?",
    ),
    _of_target(
        "the name of a target has a mistake",
        "option-unknown",
        "bilings.message_format = oslo",
        says="did you mean billing.message_format?",
    ),
    _of_target(
        "a line is of a target that there is not",
        "option-unknown",
        "audit.message_format = oslo",
        says="s/^/#/",
    ),
    _of_target(
        "a target has an option of another strategy",
        "option-unknown",
        "members.rabbit_port = 5672",
        says="s/^/#/",
    ),
    _of_target(
        "a target has an option that is for all",
        "option-unknown",
        "billing.journal_sync = full",
        says="s/^/#/",
    ),
    _of_target(
        "a value of a target has a mistake",
        "value-wrong",
        "billing.message_format = osl",
        says=": billing.message_format = oslo",
    ),
    _of_target(
        "two options of a target say the same",
        "options-contradict",
        "billing.rabbit_host = 127.0.0.1",
        "billing.rabbit_hosts = 127.0.0.1",
        says="options billing.rabbit_host and billing.rabbit_hosts",
    ),
    _of_target(
        "an option of a target needs another",
        "options-contradict",
        "billing.create_queues = auto",
        says="billing.rabbit_durable_queues",
    ),
    _of_target(
        "the strategy of a target is mistyped",
        "strategy-unknown",
        "billing.strategy = rabit",
        says=": billing.strategy = rabbit",
    ),
    _of_target(
        "a receiver has no URL",
        "options-contradict",
        "billing.strategy = webhook",
        says="billing.webhook_url",
    ),
    _of_target(
        "the log_file of a target is in a directory that is missing",
        "log-file-not-writable",
        "members.log_file = {folder}/logs/members.log",
        says="option members.log_file: ",
        root=True,
    ),
    _of_target(
        "the password file of a target is missing",
        "credentials-missing",
        "billing.rabbit_password_file = {folder}/etc/password",
        says="option billing.rabbit_password_file: ",
        root=True,
    ),
    WrongSetUp(
        "a target's file of certificates has none",
        "credentials-missing",
        _authorities_of_a_target,
        says="option billing.rabbit_ssl_ca_file: ",
    ),
)
"""The set-ups that are wrong without a broker."""
