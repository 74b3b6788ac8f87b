"""What a user does on the page, and that its pictures are, byte for byte, the desktop's."""

import base64
import http.server
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

from browser import open_browser
from PIL import Image, PngImagePlugin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from served import SDC, wait_for

PAGE = pathlib.Path(os.environ["SDC_PAGE"]).resolve()
PROMPT = "a red circle above a blue square"
LONG = 150  # steps, of a picture that is cancelled


def serve(headers, case):
    """Serves the page on this machine; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": PAGE.stat().st_size, **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(PAGE.read_bytes())

        def log_message(self, *_):
            pass

    case.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=case.server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{case.server.server_port}/"


def workers(browser):
    """How many workers the browser's processes have."""
    count, below = 0, [browser.service.process.pid]
    while below:
        tasks = pathlib.Path(f"/proc/{below.pop()}/task")
        for task in tasks.iterdir() if tasks.exists() else ():
            try:
                count += (task / "comm").read_text().startswith("DedicatedWorker")
                below += map(int, (task / "children").read_text().split())
            except OSError:
                pass  # it has ended meanwhile
    return count


class WasmCase(unittest.TestCase):
    """Tests of one class share a browser. The page is opened as the file that it is, or, with `headers`, from a server that sends
    them."""

    before = ""  # a script that runs ahead of the page's
    headers = None
    asked = ""  # behind the page's address

    @classmethod
    def setUpClass(cls):
        cls.browser = open_browser()
        if cls.before:
            cls.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": cls.before})
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sdc-wasm-"))
        cls.address = PAGE.as_uri() if cls.headers is None else serve(cls.headers, cls)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        if cls.headers is not None:
            cls.server.shutdown()
            cls.server.server_close()

    def setUp(self):
        self.browser.get(self.address + self.asked)
        wait_for(lambda: self.js("return document.body.dataset.ready || document.getElementById('error').textContent"))
        self.assertEqual(self.error(), "")

    def tearDown(self):
        self.assertEqual([x["message"] for x in self.browser.get_log("browser") if x["level"] == "SEVERE"], [])

    def js(self, text, *given):
        return self.browser.execute_script(text, *given)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def count(self, selector):
        return len(self.browser.find_elements(By.CSS_SELECTOR, selector))

    def error(self):
        return self.find("#error").text

    def write(self, selector, text):
        e = self.find(selector)
        e.send_keys(Keys.CONTROL, "a")
        e.send_keys(Keys.DELETE)
        e.send_keys(str(text))

    def ask(self, prompt, **fields):
        self.write("#prompt", prompt)
        for name, value in fields.items():
            self.write("#" + name, value)
        self.find("#draw").click()

    def done(self, pictures=1):
        wait_for(lambda: self.count("figure a.button") == pictures or self.error(), 240)
        self.assertEqual(self.error(), "")

    def picture(self, seed):
        """The bytes of the PNG that its button saves."""
        return base64.b64decode(self.browser.execute_async_script(
            "const [seed, done] = arguments; fetch(document.querySelector(`figure[data-seed='${seed}'] a.button`).href)"
            ".then(r => r.arrayBuffer()).then(b => done(btoa(String.fromCharCode(...new Uint8Array(b)))))", str(seed)))

    def desktop(self, *arguments):
        out = self.folder / "desktop.png"
        subprocess.run([SDC, "txt2img", "-q", "--exact", "-o", out, *map(str, arguments)], check=True)
        return out.read_bytes()

    def shot(self, name):
        folder = os.environ.get("SHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.browser.save_screenshot(f"{folder}/{name}.png")


class Page(WasmCase):
    def test_says_how_many_threads(self):
        self.assertIn("one thread a picture: pages from a disk may not have more", self.find("#state").text)
        self.assertFalse(self.find("#threads").is_enabled())

    def test_draws_the_desktops_picture(self):
        """Meanwhile the page is alive: a timer of its own sees the picture and the bar grow."""
        self.js("""window.seen = {pictures: new Set(), steps: new Set()};
                   setInterval(() => {
                       const img = document.querySelector("figure img"), bar = document.querySelector("progress");
                       if (img && img.src) seen.pictures.add(img.src);
                       if (bar) seen.steps.add(bar.value);
                   }, 5)""")
        self.ask(PROMPT, seed=7)
        self.done()
        self.assertEqual(self.picture(7), self.desktop("-p", PROMPT, "--seed", 7))
        seen = self.js("return {pictures: seen.pictures.size, steps: seen.steps.size}")
        self.assertGreater(seen["pictures"], 5, "the picture grows")
        self.assertGreater(seen["steps"], 5, "the bar grows")
        self.assertIn("Seed: 7", self.find("figure pre").get_attribute("textContent"))
        self.shot("page")

    def test_settings(self):
        self.find("#sheet").click()
        self.js("document.getElementById('sampler').value = 'Heun'")
        self.ask("@ a green star", seed=11, steps=4, cfg=2.5, width=72, height=48, negative="blurry")
        self.done()
        want = self.desktop("-p", "@@ a green star", "--seed", 11, "--steps", 4, "--cfg", 2.5, "-W", 72, "-H", 48, "-n", "blurry", "--sampler", "Heun")
        self.assertEqual(self.picture(11), want)
        self.assertEqual(self.count("figure img.sheet"), 1)

    def test_several_pictures(self):
        self.write("#prompt", "the digit 7 in purple")
        for name, value in {"seed": 5, "steps": 3, "count": 3}.items():
            self.write("#" + name, value)
        self.find("#prompt").send_keys(Keys.CONTROL, Keys.ENTER)
        self.done(3)
        for seed in (5, 6, 7):
            self.assertEqual(self.picture(seed), self.desktop("-p", "the digit 7 in purple", "--seed", seed, "--steps", 3), seed)
        self.assertEqual(self.js("return [...document.querySelectorAll('figure')].map(f => f.dataset.seed)"), ["5", "6", "7"])

    def test_prompts_that_name_files(self):
        """To the program - is standard input, and @x a file."""
        self.ask("-", seed=3, steps=2, negative="@x")
        self.done()
        (self.folder / "prompt").write_text("-")
        self.assertEqual(self.picture(3), self.desktop("-p", f"@{self.folder}/prompt", "--seed", 3, "--steps", 2, "-n", "@@x"))

    def test_cancelled_between_the_picture_and_its_text(self):
        self.js("""const real = run;
                   run = (args, ...rest) => { const done = real(args, ...rest); if (args[0] === "png-info") cancel(); return done; }""")
        self.ask(PROMPT, steps=2)
        wait_for(lambda: self.count("figure"))
        wait_for(lambda: not self.count("figure") and self.find("#none").is_displayed())
        self.assertEqual(self.error(), "")

    def test_cancel(self):
        self.ask(PROMPT, seed=1, steps=LONG, count=16)
        wait_for(lambda: self.js("return [...document.querySelectorAll('progress')].some(p => p.value > 0)"))
        self.find("#cancel").click()
        self.assertEqual(self.count("figure"), 0)
        self.assertFalse(self.find("#cancel").is_enabled())
        self.ask(PROMPT, seed=3, steps=2, count=1)
        self.done()
        self.assertEqual(self.picture(3), self.desktop("-p", PROMPT, "--seed", 3, "--steps", 2))

    def drop(self, path):
        """As a user drops a file; what the picture's place says in the end, or the error."""
        self.find("#file").send_keys(str(path))
        wait_for(lambda: self.error() or self.js("return document.querySelector('figure')?.dataset.verdict"), 240)
        return self.js("return document.querySelector('figure')?.dataset.verdict"), self.error()

    def test_draws_a_dropped_picture_again(self):
        path = self.folder / "old.png"
        path.write_bytes(self.desktop("-p", "three yellow hearts", "--seed", 21, "--steps", 5, "--sampler", "DDIM"))
        self.assertEqual(self.drop(path), ("equal", ""))
        self.find("figure button").click()
        wait_for(lambda: self.find("#prompt").get_property("value") == "three yellow hearts")
        values = {name: self.find("#" + name).get_property("value") for name in ("seed", "steps", "sampler", "width")}
        self.assertEqual(values, {"seed": "21", "steps": "5", "sampler": "DDIM", "width": "64"})

    def test_tells_a_picture_that_is_another(self):
        path = self.folder / "other.png"
        path.write_bytes(self.desktop("-p", PROMPT, "--seed", 2, "--steps", 2))
        image, text = Image.open(path), PngImagePlugin.PngInfo()
        text.add_text("parameters", image.text["parameters"])
        image.putpixel((3, 3), (1, 2, 3))
        image.save(path, pnginfo=text)
        self.assertEqual(self.drop(path), ("different", ""))
        self.assertIn("1 of", self.find("figure p.bad").text)

    def test_refuses_in_a_line(self):
        path = self.folder / "not.png"
        path.write_bytes(b"no picture")
        verdict, error = self.drop(path)
        self.assertIsNone(verdict)
        self.assertEqual(error, "not.png: not a picture; give a PNG, JPEG, WebP, BMP or GIF file")
        text = PngImagePlugin.PngInfo()
        text.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, Seed: 1, Size: 512x512, Model hash: 6ce0161689, Model: v1-5-pruned")
        Image.new("RGB", (512, 512)).save(path, pnginfo=text)
        verdict, error = self.drop(path)
        self.assertIsNone(verdict)
        self.assertEqual(error, "not.png: was drawn by another model, v1-5-pruned; this page has its own one only.")
        self.ask(PROMPT, seed="seven")
        self.assertIn("whole number", self.error())
        self.ask("(" * 3000 + PROMPT, seed=1, steps=1)
        wait_for(lambda: self.error() or self.count("figure a.button"), 60)

    def test_phone(self):
        self.browser.set_window_size(500, 900)
        for width in (360, 412):
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 780, "deviceScaleFactor": 1, "mobile": True})
            self.assertLessEqual(self.js("return document.documentElement.scrollWidth"), width)
        self.ask(PROMPT, seed=7, steps=3)
        self.done()
        self.shot("phone")
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.browser.set_window_size(1280, 1000)

    def test_everything_has_a_name(self):
        nameless = self.js("""return [...document.querySelectorAll("input, select, textarea, button, progress, img")]
            .filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.alt)).map(e => e.outerHTML)""")
        self.assertEqual(nameless, [])


class Plain(WasmCase):
    """A browser without relaxed SIMD: fma is emulated, and the picture is the same."""

    before = "WebAssembly.validate = () => false"

    def test_draws_the_desktops_picture(self):
        self.assertEqual(self.js("return document.body.dataset.ready"), "emulated")
        self.assertIn("several times slower", self.find("#state").text)
        self.ask(PROMPT, seed=7, steps=2)
        self.done()
        self.assertEqual(self.picture(7), self.desktop("-p", PROMPT, "--seed", 7, "--steps", 2))


class NoHeaders(WasmCase):
    """From a server that does not send the headers."""

    headers = {}
    asked = "?threads=3"

    def test_draws_with_one_thread(self):
        self.assertIn("one thread a picture: more need two headers", self.find("#state").text)
        self.assertFalse(self.find("#threads").is_enabled())
        self.ask(PROMPT, seed=7, steps=2)
        self.done()
        self.assertEqual(self.picture(7), self.desktop("-p", PROMPT, "--seed", 7, "--steps", 2))
        self.assertEqual(workers(self.browser), 1)


ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


class Threads(WasmCase):
    headers = ISOLATED
    asked = "?threads=3"

    def test_draws_the_desktops_picture(self):
        self.assertIn(" s, with 3 threads.", self.find("#state").text)
        self.assertEqual(self.find("#threads").get_property("value"), "3")
        want = self.desktop("-p", PROMPT, "--seed", 7)
        for threads in (3, 2, 1):
            self.write("#threads", threads)
            self.ask(PROMPT, seed=7)
            self.done()
            self.assertEqual(self.picture(7), want, threads)
            self.js("document.querySelector('figure').remove()")
        self.assertEqual(workers(self.browser), 3, "those of the first picture draw the others")

    def test_several_pictures_share_them(self):
        self.ask("the digit 7 in purple", seed=5, steps=3, count=4, threads=5)
        self.done(4)
        for seed in (5, 6, 7, 8):
            self.assertEqual(self.picture(seed), self.desktop("-p", "the digit 7 in purple", "--seed", seed, "--steps", 3), seed)
        self.assertLessEqual(workers(self.browser), 5)

    def test_one_picture_after_the_other(self):
        for seed in range(12):
            self.ask(PROMPT, seed=seed, steps=1, width=32, height=32)
            self.done(seed + 1)
        self.assertEqual(workers(self.browser), 3)
        self.assertEqual(self.picture(11), self.desktop("-p", PROMPT, "--seed", 11, "--steps", 1, "-W", 32, "-H", 32))

    def test_cancel(self):
        self.ask(PROMPT, seed=1, steps=LONG, count=2, threads=4)
        wait_for(lambda: self.js("return [...document.querySelectorAll('progress')].some(p => p.value > 0)"))
        self.assertEqual(workers(self.browser), 4)
        self.find("#cancel").click()
        self.assertEqual(self.count("figure"), 0)
        wait_for(lambda: workers(self.browser) == 0, 30)
        self.ask(PROMPT, seed=3, steps=2, count=1)
        self.done()
        self.assertEqual(self.picture(3), self.desktop("-p", PROMPT, "--seed", 3, "--steps", 2))

    def test_draws_a_dropped_picture_again(self):
        path = self.folder / "old.png"
        path.write_bytes(self.desktop("-p", "three yellow hearts", "--seed", 21, "--steps", 2))
        self.find("#file").send_keys(str(path))
        wait_for(lambda: self.error() or self.js("return document.querySelector('figure')?.dataset.verdict === 'equal'"), 60)
        self.assertEqual(self.error(), "")

    def test_wrong_numbers(self):
        self.browser.get(self.address + "?threads=33")
        wait_for(lambda: self.js("return document.body.dataset.ready"))
        self.assertIn("?threads=33: a number of threads, 1 to 32", self.error())
        self.write("#threads", 0)
        self.find("#draw").click()
        self.assertEqual(self.count("figure"), 0)


class BrokenThread(WasmCase):
    """A thread that the engine ends: its argument is no address."""

    headers = ISOLATED
    asked = "?threads=3"
    before = """const real = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (data, ...rest) {
            if (data.thread && self.broken) data.thread.argument = 0x7ffffff0;
            return real.call(this, data, ...rest);
        }"""

    def test_ends_the_run(self):
        self.js("self.broken = true")
        self.ask(PROMPT, seed=7, steps=2)
        wait_for(self.error, 60)
        self.assertRegex(self.error(), "^The program ended: .*out of bounds")
        self.assertEqual(self.count("figure"), 0)
        wait_for(lambda: workers(self.browser) == 0, 30)
        self.js("self.broken = false")
        self.ask(PROMPT, seed=7, steps=2)
        self.done()
        self.assertEqual(self.picture(7), self.desktop("-p", PROMPT, "--seed", 7, "--steps", 2))
