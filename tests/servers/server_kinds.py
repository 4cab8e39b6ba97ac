"""The servers under which a real Glance is tested."""

import sys

from demo.glance import UWSGI, ServerKind

_APPLICATION = "glance.wsgi.api:application"
_LISTEN = "127.0.0.1:{port}"
SERVERS = {
    # The default time-out of 4 seconds is too short for the clients on a busy machine.
    "uWSGI": UWSGI._replace(
        command=(*UWSGI.command, "--socket-timeout", "60", "--chunked-input-timeout", "60")
    ),
    "gunicorn": ServerKind(
        (
            *(sys.executable, "-m", "gunicorn", f"--bind={_LISTEN}", "--workers={processes}"),
            *("--worker-class=gthread", "--threads=4", _APPLICATION),
        ),
        "Booting worker",
    ),
    "waitress": ServerKind(
        (sys.executable, "-m", "waitress", f"--listen={_LISTEN}", _APPLICATION), "Serving on"
    ),
}
