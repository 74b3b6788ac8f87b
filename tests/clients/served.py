"""`sdc serve` as a process for tests, and how their results are told."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SDC = os.environ.get("SDC_BIN", str(ROOT / "sdc"))
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"  # a proxy does not reach this machine's servers


class Served:
    """A server in a folder of its own. Its options are {}-formatted with the folder."""

    def __init__(self, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sdc-clients-"))
        command = [SDC, "serve", "--listen", "127.0.0.1:0", "--spaces-after", "5", *(o.format(self.folder) for o in options)]
        self.log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if "serving on" not in line:
            raise RuntimeError(f"the server did not start: {line}{(self.folder / 'log').read_text()}")
        self.url = line.split()[-1].rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self, patience=60):
        """Its exit code after SIGTERM, within so many seconds; its folder is removed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.folder)
        return code


class ServedCase(unittest.TestCase):
    """Tests of one class share a server."""

    options = ()

    @classmethod
    def setUpClass(cls):
        cls.served = Served(*cls.options)

    @classmethod
    def tearDownClass(cls):
        code = cls.served.stop()
        assert code == 0, f"the server ended with {code}"


def wait_for(what, seconds=60):
    """What `what` returns, once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def main(folder):
    """Runs the tests of a folder, or those named on the command line; "N passed, N failed" as the tests in C."""
    sys.path.insert(0, str(folder))
    names = sys.argv[1:]
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(folder))
    began = time.monotonic()
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{time.monotonic() - began:.1f} s")
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed")
    return 1 if failed or not result.testsRun else 0
