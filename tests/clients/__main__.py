"""Programs that people draw with, against `sdc serve`: python tests/clients [MODULE[.CLASS[.TEST]] ...]."""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from served import main  # noqa: E402

sys.exit(main(FOLDER))
