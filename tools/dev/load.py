"""The server under load, on this machine (make load). Standard library only.

    load.py SDC requests [--requests 10000] [--clients 16] [--idle 512]
        clients that draw two steps each, a tenth of them hostile, beside idle connections: nothing lost, nothing mixed up (each
        picture is compared with its own request made alone), and how fast `progress` answers meanwhile
    load.py SDC throughput [--jobs 40]
        the same jobs over HTTP, by three workers over Redis, and by the command line: pictures a second
    load.py SDC kills [--kills 200]
        kill -9 of the server, workers and Redis at random while jobs arrive: each accepted job ends in its own picture
"""

import argparse
import base64
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
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


# --- requests ---


class Tally:
    def __init__(self):
        self.lock, self.n, self.said = threading.Lock(), {}, 0

    def add(self, what, why=""):
        with self.lock:
            self.n[what] = self.n.get(what, 0) + 1
            if why and self.said < 20:
                self.said += 1
                print(f"  {what}: {why}")


def raw(server, data, nap=0.0):
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(data)
        time.sleep(nap)


def hostile(server, rng, tally):
    kind = rng.randrange(7)
    head = f"POST {T} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    if kind == 0 and server.ask("POST", T, "{")[0] != 422:
        tally.add("wrong", "a broken body")
    elif kind == 1 and server.ask("POST", T, {"steps": -5})[0] != 422:
        tally.add("wrong", "steps -5")
    elif kind == 2:  # goes away while it is drawn
        body = json.dumps({"steps": 50, "seed": 1})
        raw(server, f"{head}{len(body)}\r\n\r\n{body}".encode(), rng.random() * 0.2)
    elif kind == 3:
        raw(server, b"POST /sdapi")
    elif kind == 4:
        server.ask("POST", "/v1/images/edits", "--x", {"Content-Type": "multipart/form-data; boundary=x"})
    elif kind == 5:  # a job, watched for a moment, perhaps cancelled
        job = json.loads(server.ask("POST", "/v1/jobs", {"steps": 3, "seed": 3})[1]).get("id")
        if job:
            raw(server, f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 0.05)
            if rng.random() < 0.5:
                server.ask("DELETE", f"/v1/jobs/{job}")
    elif kind == 6:
        server.ask("GET", "/sdapi/v1/" + rng.choice(["options", "samplers", "sd-models", "memory", "x"]))
    tally.add("hostile")


def body_of(seed, steps):
    return {"prompt": f"p{seed}", "seed": seed, "steps": steps}


def picture_of(answer):
    return json.loads(answer)["images"][0]


def client(server, n, number, alone, tally):
    rng = random.Random(number)
    for _ in range(n):
        if rng.random() < 0.1:
            try:
                hostile(server, rng, tally)
            except OSError as e:
                tally.add("wrong", repr(e))
            continue
        seed, steps = rng.randrange(8), 2
        try:
            status, answer = server.ask("POST", T, body_of(seed, steps))
            while status == 503:
                tally.add("full")
                time.sleep(0.05)
                status, answer = server.ask("POST", T, body_of(seed, steps))
            if status != 200:
                tally.add("lost", f"{status} {answer[:100]}")
            else:
                tally.add("drawn" if picture_of(answer) == alone[seed] else "mixed up")
        except OSError as e:
            tally.add("lost", repr(e))


def requests(sdc, folder, a):
    server = Server(sdc, folder, "-q", "--connections", a.idle + a.clients + 50)
    alone = {seed: picture_of(server.ask("POST", T, body_of(seed, 2))[1]) for seed in range(8)}
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(a.idle)]
    tally, times, ended = Tally(), [], threading.Event()

    def progress():
        c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not ended.wait(0.02):
            began = time.perf_counter()
            c.request("GET", "/sdapi/v1/progress")
            c.getresponse().read()
            times.append(1000 * (time.perf_counter() - began))

    watch = threading.Thread(target=progress)
    threads = [
        threading.Thread(target=client, args=(server, a.requests // a.clients, i, alone, tally)) for i in range(a.clients)
    ]
    began = time.perf_counter()
    for t in [watch, *threads]:
        t.start()
    for t in threads:
        t.join()
    ended.set()
    watch.join()
    times.sort()
    seconds = time.perf_counter() - began
    for s in idle:
        s.close()
    code = server.stop()
    print(f"{a.requests} requests of {a.clients} clients in {seconds:.0f} s beside {a.idle} idle connections: {tally.n}; exit {code}")
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"progress: p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {times[-1]:.1f} ms")
    return not any(tally.n.get(k) for k in ("lost", "mixed up", "wrong")) and code == 0 and p99 < 50


# --- throughput ---


def draw_all(server, jobs, threads):
    left = list(jobs)

    def run():
        while left:
            try:
                seed = left.pop()
            except IndexError:
                return
            assert server.ask("POST", T, body_of(seed, 20))[0] == 200

    server.ask("POST", T, body_of(0, 1))
    began = time.perf_counter()
    running = [threading.Thread(target=run) for _ in range(threads)]
    for t in running:
        t.start()
    for t in running:
        t.join()
    return len(jobs) / (time.perf_counter() - began)


def throughput(sdc, folder, a):
    jobs = range(a.jobs)
    rates = {}
    began = time.perf_counter()
    command = [sdc, "txt2img", "-q", "-p", "p", "--steps", "20", "--seed", "1", "--batch-count", str(a.jobs)]
    subprocess.run([*command, "-o", f"{folder}/c.png"], check=True)
    rates["command line"] = a.jobs / (time.perf_counter() - began)
    server = Server(sdc, folder, "-q")
    rates["over HTTP"] = draw_all(server, jobs, 2)
    server.stop()
    server = Server(sdc, folder, "-q", "--workers", 3)
    rates["three threads of one server"] = draw_all(server, jobs, 6)
    server.stop()
    if shutil.which("redis-server"):
        redis, url = start_redis(folder)
        workers = [
            Process(sdc, "worker", "-q", "--threads", 1, "--redis", url, log=f"{folder}/worker{i}.log") for i in range(3)
        ]
        server = Server(sdc, folder, "-q", "--redis", url)
        rates["three workers over Redis"] = draw_all(server, jobs, 6)
        for p in [server, *workers, redis]:
            p.stop()
    for name, rate in rates.items():
        print(f"{name}: {rate:.2f} pictures/s, {100 * rate / rates['command line']:.1f} % of the command line's")
    return rates["over HTTP"] >= 0.97 * rates["command line"]


# --- kill -9 ---


def start_redis(folder):
    port = free_port()
    redis = Process("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", folder, "--appendonly", "yes",
                    "--appendfsync", "always", "--save", "", log=f"{folder}/redis.log")  # fmt: skip
    return redis, f"redis://127.0.0.1:{port}"


def kills(sdc, folder, a):
    if not shutil.which("redis-server"):
        raise SystemExit("redis-server is missing: sudo apt-get install redis-server")
    rng = random.Random(a.seed)
    alone = Server(sdc, folder, "-q", name="alone")
    wanted = {seed: picture_of(alone.ask("POST", T, body_of(seed, 8))[1]) for seed in range(16)}
    alone.stop()
    redis, url = start_redis(folder)
    workers = [
        Process(sdc, "worker", "-q", "--threads", 1, "--claim-after", 1, "--deliveries", 1000, "--redis", url,
                log=f"{folder}/worker{i}.log") for i in range(3)
    ]  # fmt: skip
    server = Server(sdc, folder, "-q", "--redis", url, "--jobs", f"{folder}/jobs.sqlite", "--queue", 100000)
    accepted, killed = {}, {"server": 0, "worker": 0, "redis": 0}
    for k in range(a.kills):
        until = time.time() + rng.random() * 0.6
        while time.time() < until or len(accepted) < k:
            seed = rng.randrange(16)
            try:
                status, answer = server.ask("POST", "/v1/jobs", body_of(seed, 8), {"Idempotency-Key": f"{k}-{len(accepted)}"})
            except OSError:
                continue
            if status == 202:
                accepted[json.loads(answer)["id"]] = seed
            time.sleep(0.05)
        who = rng.choice(["server", "worker", "worker", "worker", "redis"])
        killed[who] += 1
        p = server if who == "server" else redis if who == "redis" else rng.choice(workers)
        p.kill()
        time.sleep(rng.random() * 0.2)
        p.start()
        if who == "server":
            server.wait()
    print(f"{a.kills} times kill -9: {killed}; {len(accepted)} jobs accepted")
    bad, states = 0, {}
    for job, seed in accepted.items():
        state = "queued"
        until = time.time() + 600
        while state in ("queued", "generating") and time.time() < until:
            state = json.loads(server.ask("GET", f"/v1/jobs/{job}")[1]).get("state")
            time.sleep(0.02 if state == "completed" else 0.1)
        states[state] = states.get(state, 0) + 1
        png = server.ask("GET", f"/v1/jobs/{job}/pictures/0")[1]
        if state != "completed" or base64.b64encode(png).decode() != wanted[seed]:
            bad += 1
            print(f"  job {job} of seed {seed}: {state}, {'another' if state == 'completed' else 'no'} picture")
    left = [line for line in server.ask("GET", "/metrics")[1].decode().splitlines() if line.startswith("sdc_cluster_pieces")]
    for p in [server, *workers, redis]:
        p.stop()
    print(f"{states}; {bad} wrong; {left}")
    return not bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sdc")
    parser.add_argument("what", choices=["requests", "throughput", "kills"])
    for name, value in [("requests", 10000), ("clients", 16), ("idle", 512), ("jobs", 40), ("kills", 200), ("seed", 1)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    a = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="sdc-load-")
    ok = {"requests": requests, "throughput": throughput, "kills": kills}[a.what](os.path.abspath(a.sdc), folder, a)
    if ok:
        shutil.rmtree(folder)
    print("ok" if ok else f"NOT ok; the logs are in {folder}")
    sys.exit(not ok)


if __name__ == "__main__":
    main()
