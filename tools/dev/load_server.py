"""Programs that load.py starts: the server and what stands beside it."""

import http.client
import json
import signal
import socket
import subprocess
import time

T = "/sdapi/v1/txt2img"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A program that is started, killed and started again."""

    def __init__(self, *command, log):
        self.command, self.log, self.process = [str(c) for c in command], log, None
        self.start()

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


class Server(Process):
    def __init__(self, sdc, folder, *options, name="serve"):
        self.port = free_port()
        super().__init__(sdc, "serve", "--listen", f"127.0.0.1:{self.port}", *options, log=f"{folder}/{name}.log")
        self.wait()

    def wait(self):
        for _ in range(600):
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the server does not answer; see {self.log}")

    def ask(self, method, path, body=None, headers=None, timeout=600):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        if isinstance(body, dict):
            body = json.dumps(body)
        c.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
        r = c.getresponse()
        answer = r.status, r.read()
        c.close()
        return answer


def body_of(seed, steps):
    return {"prompt": f"p{seed}", "seed": seed, "steps": steps}


def start_redis(folder, sync):
    port = free_port()
    redis = Process("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", folder, "--appendonly", "yes",
                    "--appendfsync", sync, "--save", "", log=f"{folder}/redis.log")  # fmt: skip
    return redis, f"redis://127.0.0.1:{port}"
