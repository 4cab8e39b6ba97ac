"""Glance under Apache's mod_wsgi, both from Debian, beside any Apache of the machine."""

import subprocess
import sys
from pathlib import Path

from demo.glance import ServerKind

_APACHE = Path("/usr/sbin/apache2")
_MODULES = Path("/usr/lib/apache2/modules")
_VERSION = "{}.{}".format(*sys.version_info)
_MOD_WSGI = _MODULES / f"mod_wsgi.so-{_VERSION}"
_PYTHON = Path(f"/usr/bin/python{_VERSION}")  # mod_wsgi is built with its library
_PACKAGES = "apache2-bin libapache2-mod-wsgi-py3"

_CONFIGURATION = """\
ServerName localhost
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog /proc/self/fd/2
Listen 127.0.0.1:${{PORT}}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {mod_wsgi}
WSGISocketPrefix {folder}/wsgi
WSGIDaemonProcess glance processes=1 threads=4 python-home={folder}/home python-path={packages}
WSGIProcessGroup glance
WSGIApplicationGroup %{{GLOBAL}}
WSGIPassAuthorization On
WSGIChunkedRequest On
WSGIScriptAlias / {folder}/glance.wsgi
{more}
<Directory {folder}>
Require all granted
</Directory>
"""

_IMPORT = "WSGIImportScript {folder}/glance.wsgi process-group=glance application-group=%{{GLOBAL}}"


def missing() -> str | None:
    """What is missing, and how to install it, in one line; None if nothing is missing."""
    if not (_APACHE.exists() and _MOD_WSGI.exists() and _PYTHON.exists()):
        return f"missing: {_MOD_WSGI}: apt-get install {_PACKAGES} (for this version of Python)"
    return None


def mod_wsgi(folder: Path, *, loads_at_start: bool = False) -> ServerKind:
    """The kind of server that serves a Glance from `folder`, which is made, and must not exist.

    Glance's packages are those of this Python alone, as Debian's own could hide them. mod_wsgi
    refuses to run a process as root; in a user namespace of its own root is another user, who may
    still read the folder and this Python.
    """
    folder.mkdir()
    command = [str(_PYTHON), "-m", "venv", "--without-pip", str(folder / "home")]
    subprocess.run(command, check=True)
    (folder / "glance.wsgi").write_text("from glance.wsgi.api import application\n")
    configuration = folder / "apache.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            modules=_MODULES,
            mod_wsgi=_MOD_WSGI,
            packages=next(path for path in sys.path if path.endswith("site-packages")),
            more=_IMPORT.format(folder=folder) if loads_at_start else "",
        )
    )
    as_another_user = "unshare --user --map-user=1000 --map-group=1000"
    start = f"PORT={{port}} exec {as_another_user} {_APACHE} -D FOREGROUND -f {configuration}"
    return ServerKind(("sh", "-c", start), "resuming normal operations")
