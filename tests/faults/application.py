"""The application behind the filter, as a server loads it: from the paste file PASTE_FILE."""

import logging
import os
import sys

from paste.deploy import loadapp

from tests.faults.fake_glance import LOADED

logging.basicConfig(
    stream=sys.stderr,
    level=logging.INFO,
    format="%(asctime)s %(process)d %(levelname)s %(message)s",
)
logging.getLogger("waitress").setLevel(logging.ERROR)  # it logs that its queue is long

application = loadapp(f"config:{os.environ['PASTE_FILE']}")
logging.info(LOADED)
