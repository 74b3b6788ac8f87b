"""openai-python: what chat programs send."""

import base64
import io
import json
import threading
import urllib.request

from openai import NotFoundError, OpenAI
from PIL import Image, ImageChops
from served import Served, ServedCase, wait_for

SMALL = {"steps": 1, "seed": 5}


def png(image):
    to = io.BytesIO()
    image.save(to, "PNG")
    return to.getvalue()


def picture(data):
    return Image.open(io.BytesIO(base64.b64decode(data.b64_json))).convert("RGB")


class Openai(ServedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = OpenAI(base_url=cls.served.url + "/v1", api_key="any", max_retries=0)

    def draw(self, **more):
        return self.client.images.generate(**{"model": "gpt-image-1", "prompt": "a cat", "extra_body": SMALL, **more})

    def test_base64(self):
        drawn = self.draw(n=2, size="64x64").data
        self.assertEqual([picture(d).size for d in drawn], [(64, 64)] * 2)
        again = self.draw(size="64x64").data[0]
        self.assertEqual(drawn[0].b64_json, again.b64_json, "the seed counts")

    def test_address(self):
        url = self.draw(model="dall-e-2", size="64x64").data[0].url
        with urllib.request.urlopen(url) as reply:
            self.assertEqual(Image.open(io.BytesIO(reply.read())).size, (64, 64))

    def test_edit_with_mask(self):
        first = picture(self.draw(size="64x64").data[0])
        mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
        mask.paste((0, 0, 0, 0), (0, 0, 32, 64))
        edited = self.client.images.edit(model="gpt-image-1", image=("a.png", png(first)), mask=("m.png", png(mask)),
                                         prompt="x", extra_body={"seed": 3, "steps": 2, "mask_blur": 0})
        changed = ImageChops.difference(first, picture(edited.data[0])).getbbox()
        self.assertLessEqual(changed[2], 33, "only where the mask is transparent")

    def test_edit_of_several(self):
        first = png(Image.new("RGB", (64, 64), "red"))
        edited = self.client.images.edit(model="gpt-image-1", image=[("a.png", first), ("b.png", first)], prompt="x",
                                         extra_body=SMALL)
        self.assertEqual(len(edited.data), 1)

    def test_stream(self):
        events = [event.type for event in self.draw(stream=True)]
        self.assertEqual(events[-1], "image_generation.completed")

    def test_models(self):
        self.assertTrue(any(m.id.startswith("built-in") for m in self.client.models.list()))

    def test_unknown_model(self):
        with self.assertRaises(NotFoundError):
            self.draw(model="none-such")

    def test_full_queue(self):
        """503 with Retry-After, after which the program asks again."""
        served = Served("--queue", "1")
        self.addCleanup(served.process.kill)
        drawn = {}

        def ask(path, body=None, method=None):
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(served.url + path, data, {"Content-Type": "application/json"}, method=method)
            return urllib.request.urlopen(request).read().decode()

        def job():
            return json.loads(ask("/v1/jobs", {"steps": 1000, "seed": 5}))["id"]

        first = job()
        wait_for(lambda: json.loads(ask(f"/v1/jobs/{first}"))["state"] == "generating")
        second = job()
        client = OpenAI(base_url=served.url + "/v1", api_key="any", max_retries=2)
        how = {"model": "gpt-image-1", "prompt": "x", "extra_body": SMALL}
        thread = threading.Thread(target=lambda: drawn.update(r=client.images.generate(**how)))
        thread.start()
        wait_for(lambda: 'sdc_calls_total{status="5xx"} 1' in ask("/metrics"))
        for id in (second, first):
            ask(f"/v1/jobs/{id}", method="DELETE")
        thread.join(60)
        self.assertEqual(len(drawn["r"].data), 1)
        self.assertEqual(served.stop(), 0)
