"""load.py SDC throughput: the same jobs in several ways, in turns, since other programs come and go."""

import os
import shutil
import subprocess
import threading
import time

from load_server import Process, Server, T, body_of, start_redis


def busy():
    """Seconds that this machine's cores have computed, and have had, since it started."""
    with open("/proc/stat") as f:
        n = [int(word) / os.sysconf("SC_CLK_TCK") for word in f.readline().split()[1:9]]
    return sum(n) - n[3] - n[4], sum(n)


def computed(processes):
    """Seconds that these have computed."""
    ticks = 0
    for p in processes:
        with open(f"/proc/{p.process.pid}/stat") as f:
            ticks += sum(int(word) for word in f.read().rsplit(")", 1)[1].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


class Turns:
    """One way to draw the jobs, and what its rounds measured."""

    def __init__(self, name, draw, processes=()):
        self.name, self.draw, self.processes, self.rates = name, draw, processes, []

    def take(self, count):
        used, own, before, began = computed(self.processes), os.times(), busy(), time.perf_counter()
        self.draw(count)
        seconds, after, now = time.perf_counter() - began, busy(), os.times()
        used = computed(self.processes) - used + now.children_user - own.children_user + now.children_system - own.children_system
        others = after[0] - before[0] - used - (now.user - own.user + now.system - own.system)
        self.rates.append(count / seconds)
        print(f"  {self.name}: {self.rates[-1]:.2f} pictures/s, {1000 * used / count:.0f} ms of CPU a picture; other programs had "
              f"{100 * max(0, others) / (after[1] - before[1]):.1f} % of the machine", flush=True)  # fmt: skip


def over_http(server, threads):
    def run(left):
        while left:
            try:
                seed = left.pop()
            except IndexError:
                return
            assert server.ask("POST", T, body_of(seed, 20))[0] == 200

    def draw(count):
        left = list(range(count))
        running = [threading.Thread(target=run, args=(left,)) for _ in range(threads)]
        for t in running:
            t.start()
        for t in running:
            t.join()

    return draw


def compare(other, base):
    pairs = [100 * x / y for x, y in zip(other.rates, base.rates)]
    mean = sum(pairs) / len(pairs)
    print(f"{other.name}: {mean:.1f} % of {base.name} ({' '.join(f'{p:.1f}' for p in pairs)})")
    return mean


def throughput(sdc, folder, a):
    def command_line(count):
        with open(f"{folder}/lines", "w") as f:
            f.writelines(f"--prompt p{seed} --seed {seed}\n" for seed in range(count))
        lines = ["--prompts-from", f"{folder}/lines", "-o", f"{folder}/c.png"]
        subprocess.run([sdc, "txt2img", "-q", "--steps", "20", *lines], check=True)

    one, three = Server(sdc, folder, "-q", name="one"), Server(sdc, folder, "-q", "--workers", 3, name="three")
    running = [one, three]
    ways = [
        Turns("the command line", command_line),
        Turns("over HTTP", over_http(one, 2), [one]),
        Turns("three threads of one server", over_http(three, 6), [three]),
    ]
    if shutil.which("redis-server"):
        redis, url = start_redis(folder, "everysec")
        queue = [redis] + [
            Process(sdc, "worker", "-q", "--threads", 1, "--redis", url, log=f"{folder}/worker{i}.log") for i in range(3)
        ]
        queue = [Server(sdc, folder, "-q", "--redis", url), *queue]
        ways.append(Turns("three workers over Redis", over_http(queue[0], 6), queue))
        running += queue
    for way in ways[1:]:
        way.draw(12)  # opens the models
    for i in range(a.rounds):
        for way in ways if i % 2 == 0 else ways[::-1]:
            way.take(a.jobs)
    for p in running:
        p.stop()
    http_ok = compare(ways[1], ways[0]) >= 97
    return (len(ways) < 4 or compare(ways[3], ways[2]) >= 95) and http_ok
