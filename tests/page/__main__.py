"""The page in headless Chromium: python tests/page [MODULE[.CLASS[.TEST]] ...]. Screenshots go to $SHOTS, where that is set."""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "clients"))

from served import main  # noqa: E402

sys.exit(main(FOLDER))
