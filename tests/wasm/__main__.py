"""The page of `make wasm` in headless Chromium: python tests/wasm [MODULE[.CLASS[.TEST]] ...]. SDC_PAGE is its file, SDC_BIN the
desktop's sdc, whose pictures it must draw. Screenshots go to $SHOTS, where that is set."""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parent / "clients"), str(FOLDER.parent / "page")]

from served import main  # noqa: E402

sys.exit(main(FOLDER))
