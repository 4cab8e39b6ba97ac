"""A filter where the library of a strategy is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("strategy", "library", "brings"),
    [
        ("rabbit", "amqp", "pip install /path/to/the/clone brings"),
        (
            "qpid",
            "proton",
            "pip install '/path/to/the/clone[qpid]' brings (with a C compiler and Python's "
            "headers), or Debian's package python3-qpid-proton",
        ),
        ("webhook", "urllib3", "pip install '/path/to/the/clone[webhook]' brings"),
    ],
)
def test_missing_library_is_a_one_line_error_that_names_what_brings_it(
    tmp_path: Path, strategy: str, library: str, brings: str
) -> None:
    loads = (
        "import sys\n"
        f"sys.modules[{library!r}] = None\n"
        "from glance_notify_middleware import filter_factory\n"
        f"filter_factory({{}}, notifier_strategy={strategy!r}, journal_dir={str(tmp_path)!r}, "
        "webhook_url='https://h/')"
    )
    command = [sys.executable, "-c", loads]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "glance_notify_middleware.config.OptionError: option notifier_strategy of the notify "
        f"filter: {strategy} needs {library}, which is not installed; expected what {brings}"
    )
    assert not list(tmp_path.iterdir())


def test_rabbit_strategy_is_made_without_proton() -> None:
    loads = (
        "import sys\n"
        "sys.modules['proton'] = None\n"
        "from glance_notify_middleware import config\n"
        "from glance_notify_middleware.strategies.loading import makers\n"
        "makers(config.read({'notifier_strategy': 'rabbit'}, 'h'))['rabbit']()"
    )
    subprocess.run([sys.executable, "-c", loads], check=True)
