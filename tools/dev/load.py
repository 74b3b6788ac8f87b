"""The server under load, on this machine (make load). Standard library only.

    load.py SDC requests [--requests 10000] [--clients 16] [--idle 512] [--minutes 0] [--rate 0]
        clients that draw two steps each, a tenth of them hostile, beside idle connections: nothing lost, nothing mixed up (each
        picture is compared with its own request made alone), how fast `progress` answers meanwhile, and what memory the server
        has; with --minutes for so long, and then that memory, which is printed each minute, may not grow; with --rate all
        clients together ask no more than so often a second, and how fast `progress` answers is only told
    load.py SDC throughput [--jobs 40] [--rounds 5]
        the same jobs by the command line and over HTTP, by three threads of one server and by three workers over Redis, in turns:
        pictures a second, CPU seconds a picture, and what share of the machine other programs used
    load.py SDC kills [--kills 200]
        kill -9 of the server, workers, Redis and the bucket (s3.py) at random while jobs arrive: each accepted job ends in its own
        picture, which is once in the bucket and once in the server's folder, and nothing half written is left
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

from load_server import Process, Server, T, body_of, free_port, start_redis
from load_throughput import throughput

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


def picture_of(answer):
    return json.loads(answer)["images"][0]


def client(server, until, number, alone, tally, nap):
    rng = random.Random(number)
    while until():
        time.sleep(nap * 2 * rng.random())
        if rng.random() < 0.1:
            try:
                hostile(server, rng, tally)
            except (OSError, http.client.HTTPException) as e:
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
        except (OSError, http.client.HTTPException) as e:
            tally.add("lost", repr(e))


def memory(server):
    with open(f"/proc/{server.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Beside(threading.Thread):
    """What goes on beside the clients: `progress` 40 times a second; idle connections, each opened again when the server
    closes it, as it does after 20 s; the server's memory."""

    def __init__(self, server, idle):
        super().__init__()
        self.server, self.times, self.memory, self.ended, self.closed = server, [], [], threading.Event(), 0
        self.said = time.perf_counter()
        self.idle = [self.connect() for _ in range(idle)]

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.server.port))
        s.setblocking(False)
        return s

    def look(self, s):
        try:
            if s.recv(1):
                return s
        except BlockingIOError:
            return s
        except OSError:
            pass
        s.close()
        return self.connect()

    def say(self):
        if time.perf_counter() - self.said >= 60:
            self.said += 60
            print(f"  {time.strftime('%H:%M:%S')} {self.memory[-1]:.1f} MB, {len(self.times)} times progress", flush=True)

    def run(self):
        c, n = None, 0
        while not self.ended.wait(0.02):
            n += 1
            if self.idle:
                self.idle[n % len(self.idle)] = self.look(self.idle[n % len(self.idle)])
            if n % 50 == 0:
                self.memory.append(memory(self.server))
                self.say()
            try:
                if not c:
                    c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
                    c.connect()
                began = time.perf_counter()
                c.request("GET", "/sdapi/v1/progress")
                c.getresponse().read()
                self.times.append(1000 * (time.perf_counter() - began))
            except (OSError, http.client.HTTPException):
                c, self.closed = None, self.closed + 1  # it was idle for too long: this program had been stopped
        for s in self.idle:
            s.close()


def requests(sdc, folder, a):
    server = Server(sdc, folder, "-q", "--connections", a.idle + a.clients + 50)
    alone = {seed: picture_of(server.ask("POST", T, body_of(seed, 2))[1]) for seed in range(8)}
    tally, beside, lock, left = Tally(), Beside(server, a.idle), threading.Lock(), [a.requests]
    began = time.perf_counter()

    def until():
        if a.minutes:
            return time.perf_counter() - began < 60 * a.minutes
        with lock:
            left[0] -= 1
            return left[0] >= 0

    nap = a.clients / a.rate if a.rate else 0
    threads = [threading.Thread(target=client, args=(server, until, i, alone, tally, nap)) for i in range(a.clients)]
    for t in [beside, *threads]:
        t.start()
    for t in threads:
        t.join()
    seconds = time.perf_counter() - began
    beside.ended.set()
    beside.join()
    times, grown = sorted(beside.times), beside.memory
    code = server.stop()
    count = sum(tally.n.get(k, 0) for k in ("drawn", "hostile", "lost", "mixed up", "wrong"))
    print(f"{count} requests of {a.clients} clients in {seconds:.0f} s beside {a.idle} idle connections: {tally.n}; exit {code}")
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"progress: p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {times[-1]:.1f} ms; {beside.closed} connections closed")
    fifth = max(1, len(grown) // 5)
    early, late = max(grown[fifth : 2 * fifth] or [0]), max(grown[-fifth:] or [0])
    print(f"memory: {(grown or [0])[0]:.1f} MB at first, {early:.1f} MB in the second fifth of the time, {late:.1f} MB in the last, "
          f"{max(grown or [0]):.1f} MB at most")  # fmt: skip
    flat = not a.minutes or late <= early * 1.02 + 1
    faults = any(tally.n.get(k) for k in ("lost", "mixed up", "wrong"))
    return not faults and code == 0 and (p99 < 50 or a.rate) and flat


# --- kill -9 ---


def accepted_by(server, seed, name):
    """The id of a job that the server has accepted, however often it is killed meanwhile."""
    while True:
        try:
            status, answer = server.ask("POST", "/v1/jobs", body_of(seed, 8), {"Idempotency-Key": name})
            if status in (200, 202):
                return json.loads(answer)["id"]
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.02)


def ended(server, job):
    """A job's last state."""
    until = time.time() + 600
    while time.time() < until:
        state = json.loads(server.ask("GET", f"/v1/jobs/{job}")[1])
        if state.get("state") not in ("queued", "generating"):
            return state
        time.sleep(0.1)
    return {"state": "never ends"}


def files_below(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


def check_files(name, folder, accepted, wanted):
    """Each job has one file there, which is its picture; the number of faults."""
    bad, files = 0, files_below(folder)
    for job, seed in accepted.items():
        of = [f for f in files if job[:20] in os.path.basename(f)]
        same = False
        if of:
            with open(of[0], "rb") as f:
                same = base64.b64encode(f.read()).decode() == wanted[seed]
        if len(of) != 1 or not same:
            bad += 1
            print(f"  {name}: job {job} of seed {seed}: {len(of)} files, {'its own' if same else 'another' if of else 'no'} picture")
    if len(files) != len(accepted):
        bad += 1
        print(f"  {name}: {len(files)} files of {len(accepted)} jobs")
    return bad


def kills(sdc, folder, a):
    if not shutil.which("redis-server"):
        raise SystemExit("redis-server is missing: sudo apt-get install redis-server")
    rng = random.Random(a.seed)
    alone = Server(sdc, folder, "-q", name="alone")
    wanted = {seed: picture_of(alone.ask("POST", T, body_of(seed, 8))[1]) for seed in range(16)}
    alone.stop()
    redis, url = start_redis(folder, "always")
    port = free_port()
    with open(f"{folder}/keys", "w") as f:
        f.write("id:secret\n")
    bucket = Process(sys.executable, os.path.join(os.path.dirname(__file__), "s3.py"), port, f"{folder}/bucket", "id", "secret",
                     log=f"{folder}/bucket.log")  # fmt: skip
    workers = [
        Process(sdc, "worker", "-q", "--threads", 1, "--claim-after", 1, "--deliveries", 1000, "--redis", url,
                log=f"{folder}/worker{i}.log") for i in range(3)
    ]  # fmt: skip
    server = Server(sdc, folder, "-q", "--redis", url, "--jobs", f"{folder}/jobs.sqlite", "--queue", 100000, "--outputs",
                    f"{folder}/outputs", "--bucket", "s3://pictures", "--endpoint", f"http://127.0.0.1:{port}", "--bucket-keys",
                    f"{folder}/keys", "--spool", f"{folder}/spool")  # fmt: skip
    accepted, killed, over = {}, {"server": 0, "worker": 0, "redis": 0, "bucket": 0}, threading.Event()

    def ask_for_more():
        mine = random.Random(a.seed + 1)
        while not over.wait(0.1):
            seed = mine.randrange(16)
            accepted[accepted_by(server, seed, f"{len(accepted)}")] = seed

    asking = threading.Thread(target=ask_for_more)
    asking.start()
    for _ in range(a.kills):
        time.sleep(rng.random() * 0.6)
        who = rng.choice(["server", "server", "worker", "worker", "worker", "redis", "bucket"])
        killed[who] += 1
        p = {"server": server, "redis": redis, "bucket": bucket}.get(who) or rng.choice(workers)
        p.kill()
        time.sleep(rng.random() * 0.2)
        p.start()
        if who == "server" and rng.random() < 0.7:  # or it is killed in the midst of its beginning
            server.wait()
    server.wait()
    over.set()
    asking.join()
    print(f"{a.kills} times kill -9: {killed}; {len(accepted)} jobs accepted")
    bad, states = 0, {}
    for job, seed in accepted.items():
        state = ended(server, job)
        states[state["state"]] = states.get(state["state"], 0) + 1
        png = server.ask("GET", f"/v1/jobs/{job}/pictures/0")[1]
        one = len(state.get("pictures", [])) == 1 and state["pictures"][0].get("address")
        if state["state"] != "completed" or not one or base64.b64encode(png).decode() != wanted[seed]:
            bad += 1
            print(f"  job {job} of seed {seed}: {state}")
    for _ in range(1200):
        if not any(f.endswith(".png") for f in files_below(f"{folder}/spool")):
            break
        time.sleep(0.1)
    left = [line for line in server.ask("GET", "/metrics")[1].decode().splitlines() if line.startswith("sdc_cluster_pieces")]
    for p in [server, *workers, redis, bucket]:
        p.stop()
    if not bad:
        bad += check_files("bucket", f"{folder}/bucket", accepted, wanted)
        bad += check_files("outputs", f"{folder}/outputs", accepted, wanted)
        bad += len(files_below(f"{folder}/spool"))
    print(f"{states}; {bad} wrong; {left}; the spool has {files_below(f'{folder}/spool')}")
    return not bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sdc")
    parser.add_argument("what", choices=["requests", "throughput", "kills"])
    usual = {"requests": 10000, "clients": 16, "idle": 512, "minutes": 0, "rate": 0, "jobs": 40, "rounds": 5,
             "kills": 200, "seed": 1}
    for name, value in usual.items():
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
