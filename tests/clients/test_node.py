"""Node's own fetch and FormData, which openai-node and many bots send by."""

import json
import os
import shutil
import subprocess
import unittest

from served import Served

SCRIPT = """
const [url] = process.argv.slice(1);
const json = {"Content-Type": "application/json"};
const post = (path, body) => fetch(url + path, {method: "POST", body: JSON.stringify(body), headers: json});
(async () => {
  const slow = await post("/sdapi/v1/txt2img", {steps: 1000, width: 256, height: 256, seed: 5});
  const began = slow.status;
  await post("/sdapi/v1/interrupt", {});
  const picture = (await slow.json()).images[0];
  const form = new FormData();
  form.append("image", new Blob([Buffer.from(picture, "base64")], {type: "image/png"}), "a.png");
  const fields = {prompt: "x", model: "gpt-image-1", steps: "1", size: "64x64"};
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  const edited = await (await fetch(url + "/v1/images/edits", {method: "POST", body: form})).json();
  console.log(JSON.stringify({began, edited: edited.data.length, error: edited.error}));
})();
"""


@unittest.skipUnless(shutil.which("node"), "no node")
class Node(unittest.TestCase):
    def test_fetch(self):
        """A reply's head comes before its picture: fetch gives up after five minutes without one."""
        served = Served("--spaces-after", "1")
        self.addCleanup(served.process.kill)
        done = subprocess.run(["node", "-e", SCRIPT, served.url], capture_output=True, text=True, timeout=300,
                              env={**os.environ, "NODE_NO_WARNINGS": "1"})  # fmt: skip
        self.assertEqual(served.stop(), 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), {"began": 200, "edited": 1})
