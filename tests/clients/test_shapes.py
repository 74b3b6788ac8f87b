"""What programs that are not on PyPI send and read, as their sources have it: whole scenarios, by raw requests."""

import base64
import http.client
import io
import json

from PIL import Image
from served import ServedCase, wait_for

SMALL = {"steps": 2, "width": 64, "height": 64, "seed": 5}


def base64_png(image):
    to = io.BytesIO()
    image.save(to, "PNG")
    return base64.b64encode(to.getvalue()).decode()


class Shapes(ServedCase):
    options = ("--outputs", "{}/out", "--styles", "{}/styles.csv", "--settings", "{}/settings.json")

    def ask(self, method, path, body=None, status=200, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=300)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        self.assertEqual(reply.status, status, f"{method} {path}: {text[:300]}")
        self.assertEqual(reply.headers["Content-Type"], "application/json", path)
        return json.loads(text)

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body, status=200, **headers):
        return self.ask("POST", path, body, status, **{"Content_Type": "application/json", **headers})

    def picture(self, text):
        return Image.open(io.BytesIO(base64.b64decode(text)))

    def idle(self):
        state = self.get("/sdapi/v1/progress")
        return state["progress"] == 0 and state["state"]["job_count"] == 0

    def test_silly_tavern(self):
        basic = {"Authorization": "Basic dW5kZWZpbmVk"}
        self.get("/sdapi/v1/options", **basic)
        title = self.get("/sdapi/v1/sd-models", **basic)[0]["title"]
        sampler = self.get("/sdapi/v1/samplers", **basic)[0]["name"]
        scheduler = self.get("/sdapi/v1/schedulers", **basic)[0]["name"]
        upscalers = [u["name"] for u in self.get("/sdapi/v1/upscalers", **basic)]
        latent = [u["name"] for u in self.get("/sdapi/v1/latent-upscale-modes", **basic)]
        self.assertEqual(upscalers[0], "None")
        self.get("/sdapi/v1/sd-vae", **basic)
        self.ask("GET", "/sdapi/v1/sd-modules", status=404)
        self.post("/sdapi/v1/options", {"sd_model_checkpoint": title}, **basic)
        wait_for(self.idle)
        self.assertNotIn("forge_preset", self.get("/sdapi/v1/options", **basic))
        r = self.post("/sdapi/v1/txt2img", {
            "url": "http://127.0.0.1:7860", "auth": "user:secret-word", "prompt": "a red circle", "negative_prompt": "blurry",
            "sampler_name": sampler, "scheduler": scheduler, "cfg_scale": 7, "restore_faces": False, "enable_hr": True,
            "hr_upscaler": latent[0], "hr_scale": 1.5, "hr_additional_modules": [], "denoising_strength": 0.7,
            "hr_second_pass_steps": 1, "clip_skip": 1, "override_settings": {"CLIP_stop_at_last_layers": 1},
            "override_settings_restore_afterwards": True, "save_images": True, "send_images": True,
            "do_not_save_grid": False, "do_not_save_samples": False, **SMALL}, **basic)  # fmt: skip
        self.assertEqual(self.picture(r["images"][0]).size, (96, 96))
        self.assertNotIn("secret-word", json.dumps(r))
        detector = {"ADetailer": {"args": [True, True, {"ad_model": "face_yolov8n.pt"}]}}
        r = self.post("/sdapi/v1/txt2img", {**SMALL, "alwayson_scripts": detector}, 422)
        self.assertEqual(r["detail"], "always on script ADetailer not found")
        self.ask("POST", "/sdapi/v1/interrupt")

    def test_open_webui(self):
        options = self.get("/sdapi/v1/options")
        names = [(m["title"], m["model_name"]) for m in self.get("/sdapi/v1/sd-models")]
        options["sd_model_checkpoint"] = names[0][0]
        self.post("/sdapi/v1/options", options)
        r = self.post("/sdapi/v1/txt2img", {"prompt": "a cat", "batch_size": 2, **SMALL})
        self.assertEqual(len(r["images"]), 2)
        self.assertEqual(json.loads(r["info"])["all_seeds"], [5, 6])

    def test_krita(self):
        self.get("/queue/status")
        for path in ("samplers", "sd-models", "sd-vae", "upscalers", "loras", "embeddings", "hypernetworks", "prompt-styles",
                     "face-restorers", "scripts", "options"):
            self.get("/sdapi/v1/" + path)
        settings = {"sd_model_checkpoint": "built-in", "sd_vae": "Automatic", "img2img_color_correction": False}
        image = base64_png(Image.new("RGB", (64, 64), "red"))
        r = self.post("/sdapi/v1/img2img", {
            "init_images": [image], "mask": base64_png(Image.new("L", (64, 64), 255)), "inpainting_fill": 1, "mask_blur": 4,
            "inpaint_full_res": False, "inpaint_full_res_padding": 32, "inpainting_mask_invert": 0, "resize_mode": 0,
            "denoising_strength": 0.5, "prompt": "x", "sampler_name": "Euler a", "cfg_scale": 7, "override_settings": settings,
            "override_settings_restore_afterwards": False, "alwayson_scripts": {}, **SMALL})  # fmt: skip
        self.assertEqual(len(r["images"]), 1)
        state = self.get("/sdapi/v1/progress")
        self.assertLessEqual({"skipped", "interrupted", "job_count"}, set(state["state"]))

    def test_photoshop(self):
        self.assertTrue(self.get("/sdapi/auto-photoshop-sd/heartbeat")["heartbeat"])
        image, mask = base64_png(Image.new("RGB", (64, 64), "blue")), base64_png(Image.new("L", (64, 64), 255))
        mask = self.post("/sdapi/auto-photoshop-sd/mask/expansion/", {"mask": mask, "mask_expansion": 2, "blur": 1})["mask"]
        r = self.post("/sdapi/v1/img2img", {
            "init_images": [image], "mask": mask, "sampler_index": "Euler a", "seed": "5", "steps": "2", "width": 64, "height": 64,
            "denoising_strength": 0.5, "inpainting_fill": None, "mode": "inpaint", "clip_skip": 1, "subseed": "-1",
            "subseed_strength": "0", "unique_id": "x"})  # fmt: skip
        said = self.post("/sdapi/v1/png-info", {"image": "data:image/png;base64," + r["images"][0]})["info"]
        self.assertIn("Seed: 5", said)
        self.get("/sdapi/v1/progress?skip_current_image=false")
        self.ask("POST", "/sdapi/v1/interrupt", b"", Content_Type="application/json")

    def test_discord_bot(self):
        self.get("/sdapi/v1/cmd-flags")
        self.get("/config")
        self.assertLessEqual({"loaded", "skipped"}, set(self.get("/sdapi/v1/embeddings")))
        self.assertTrue(all(m["title"] and m["filename"] for m in self.get("/sdapi/v1/sd-models")))
        body = {
            "prompt": "x", "negative_prompt": "", "sampler_index": "DPM++ 2M Karras", "denoising_strength": None, "tiling": False,
            "styles": ["None"], "restore_faces": False, "enable_hr": "True", "hr_scale": "1.5", "hr_upscaler": "Latent",
            "hr_second_pass_steps": 1.5, "n_iter": 1, **SMALL}  # fmt: skip
        r = self.post("/sdapi/v1/txt2img", body)
        self.assertIn("Sampler: DPM++ 2M, Schedule type: Automatic", json.loads(r["info"])["infotexts"][0])  # as the webui says
        karras = self.post("/sdapi/v1/txt2img", {**body, "sampler_index": "DPM++ 2M", "scheduler": "karras"})
        self.assertEqual(self.picture(r["images"][0]).tobytes(), self.picture(karras["images"][0]).tobytes())
        self.assertEqual(self.get("/sdapi/v1/progress")["state"]["job"], "")

    def test_browsers(self):
        """KoboldAI Lite and stable-ui, which are web pages: here of the server's own origin."""
        origin = {"Origin": self.served.url}
        self.assertTrue(self.get("/sdapi/v1/sd-models", **origin))
        self.assertEqual(self.get("/sdapi/v1/options", **origin)["samples_format"], "png")
        settings = {"sd_model_checkpoint": "built-in", "eta_noise_seed_delta": 0, "CLIP_stop_at_last_layers": 1.0,
                    "ddim_discretize": "uniform", "sd_hypernetwork": "None", "use_scale_latent_for_hires_fix": False}  # fmt: skip
        r = self.post("/sdapi/v1/txt2img", {
            "prompt": "x", "sampler_name": "k_euler_a", "cfg_scale": 5, "eta": 0, "s_churn": 0, "s_tmax": 0, "s_tmin": 0,
            "s_noise": 1, "override_settings": settings, "init_images": [], **SMALL}, **origin)  # fmt: skip
        self.assertEqual(len(r["images"]), 1)
        self.assertIn("Schedule type", json.loads(r["info"])["extra_generation_params"])
        self.get("/sdapi/v1/progress?skip_current_image=true&genkey=KCPP1", **origin)
        self.post("/sdapi/v1/txt2img", SMALL, status=403, Origin="http://elsewhere.example")

    def test_dify(self):
        """JSON without a type."""
        self.ask("POST", "/sdapi/v1/options", {"sd_model_checkpoint": "built-in"})
        r = self.ask("POST", "/sdapi/v1/txt2img", {
            "prompt": "x", "cfg_scale": 7, "sampler_index": "DPM++ SDE Karras", "denoising_strength": 0, "s_noise": 0,
            **SMALL})  # fmt: skip
        self.assertIn("Sampler: DPM++ SDE", json.loads(r["info"])["infotexts"][0])

    def test_libre_chat(self):
        r = self.post("/sdapi/v1/txt2img", {"prompt": "x", "negative_prompt": "y", "cfg_scale": 4.5, **SMALL})
        self.assertIn("CFG scale: 4.5", json.loads(r["info"])["infotexts"][0])
        self.assertTrue(r["images"][0])

    def test_oobabooga(self):
        for path in ("unload-checkpoint", "reload-checkpoint"):
            self.ask("POST", "/sdapi/v1/" + path, "")
        self.assertEqual(len(self.post("/sdapi/v1/txt2img", {"prompt": "x", "hr_scale": "1.0", **SMALL})["images"]), 1)
