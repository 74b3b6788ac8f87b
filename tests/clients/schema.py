"""schemathesis against a server: what /openapi.json allows, and hostile variants of it, must not end in a 5xx."""

import os
import subprocess
import sys

from served import Served

EXAMPLES = os.environ.get("EXAMPLES", "15")  # of every operation
LARGE = ("--models", "{}", "--most-body", "4M", "--queue", "100000", "--drain", "1", "--most-pictures", "2")


def main():
    served = Served(*LARGE, "--outputs", "{}/out", "--settings", "{}/settings.json", "--styles", "{}/styles.csv", "--quiet")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json", "--checks", "not_a_server_error",
               "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "60", "--workers", "2", "--suppress-health-check", "all",
               *sys.argv[1:]]
    failed = subprocess.run(command, cwd=served.folder).returncode != 0
    ended = served.stop(600)  # a step of the largest picture takes its time
    print(f"{2 - failed - (ended != 0)} passed, {failed + (ended != 0)} failed")
    return failed or ended != 0


sys.exit(main())
