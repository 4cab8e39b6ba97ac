"""The servers that a real Glance is tested under."""

import sys

from demo.glance import UWSGI, Kind

_APPLICATION = "glance.wsgi.api:application"
_LISTEN = "127.0.0.1:{port}"
SERVERS = {
    # It would give up a client that is slower than four seconds, as a busy machine makes it.
    "uWSGI": UWSGI._replace(
        command=(*UWSGI.command, "--socket-timeout", "60", "--chunked-input-timeout", "60")
    ),
    "gunicorn": Kind(
        (
            *(sys.executable, "-m", "gunicorn", f"--bind={_LISTEN}", "--workers={processes}"),
            *("--worker-class=gthread", "--threads=4", _APPLICATION),
        ),
        "Booting worker",
    ),
    "waitress": Kind(
        (sys.executable, "-m", "waitress", f"--listen={_LISTEN}", _APPLICATION), "Serving on"
    ),
}
