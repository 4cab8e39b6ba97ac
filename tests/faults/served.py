"""The application behind the filter, as a server loads it: the paste file PASTE_FILE says how."""

import logging
import os
import sys

from paste.deploy import loadapp

from tests.faults.app import LOADED

logging.basicConfig(
    stream=sys.stderr,
    level=logging.INFO,
    format="%(asctime)s %(process)d %(levelname)s %(message)s",
)
logging.getLogger("waitress").setLevel(logging.ERROR)  # that its queue is long is no news

application = loadapp(f"config:{os.environ['PASTE_FILE']}")
logging.info(LOADED)
