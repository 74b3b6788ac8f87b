"""webuiapi: an hour of somebody's Python script."""

import threading

import webuiapi
from PIL import Image, ImageChops
from served import ServedCase, wait_for

SMALL = {"steps": 2, "width": 64, "height": 64, "cfg_scale": 3}


def left_half():
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    return mask


class Webuiapi(ServedCase):
    options = ("--outputs", "{}/out", "--styles", "{}/styles.csv", "--settings", "{}/settings.json")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.served.folder / "styles.csv").write_text("name,prompt,negative_prompt\nink,{prompt} in ink,colour\n")
        cls.api = webuiapi.WebUIApi(host="127.0.0.1", port=cls.served.port, sampler="Euler a", steps=2)

    def draw(self, **more):
        return self.api.txt2img(**{"prompt": "a red circle", "seed": 7, "alwayson_scripts": {}, **SMALL, **more})

    def test_txt2img(self):
        r = self.draw(batch_size=2, n_iter=2)
        self.assertEqual([i.size for i in r.images], [(64, 64)] * 4)
        self.assertEqual(r.info["all_seeds"], [7, 8, 9, 10])
        self.assertEqual(r.parameters["steps"], 2)
        alone = self.draw(seed=9)
        self.assertIsNone(ImageChops.difference(r.images[2], alone.image).getbbox(), "the third is seed 9's")

    def test_every_sampler_by_name(self):
        for sampler in self.api.get_samplers()[:6]:
            self.assertEqual(self.draw(sampler_name=sampler["name"], steps=1).info["sampler_name"], sampler["name"])

    def test_img2img_and_mask(self):
        first = self.draw().image
        again = self.api.img2img(images=[first], prompt="x", seed=3, denoising_strength=0.5, **SMALL)
        self.assertEqual(again.info["denoising_strength"], 0.5)
        kept = self.api.img2img(images=[first], mask_image=left_half(), prompt="x", seed=3, inpainting_fill=1,
                                inpaint_full_res=False, mask_blur=0, **SMALL).image
        changed = ImageChops.difference(first.convert("RGB"), kept.convert("RGB")).getbbox()
        self.assertLessEqual(changed[2], 33, "the right half is as it was")

    def test_hires_fix(self):
        r = self.draw(enable_hr=True, hr_scale=1.5, hr_upscaler=webuiapi.HiResUpscaler.Latent, denoising_strength=0.6,
                      hr_second_pass_steps=1)
        self.assertEqual(r.image.size, (96, 96))
        self.assertIn("Hires upscale: 1.5", r.info["infotexts"][0])

    def test_styles(self):
        names = [style["name"] for style in self.api.get_prompt_styles()]
        self.assertEqual(names, ["ink"])
        r = self.draw(styles=["ink"])
        self.assertEqual(r.info["prompt"], "a red circle in ink")
        self.assertEqual(r.info["negative_prompt"], "colour")

    def test_enlarging(self):
        first = self.draw().image
        self.assertEqual(self.api.extra_single_image(first, upscaler_1="Lanczos", upscaling_resize=2).image.size, (128, 128))
        both = self.api.extra_batch_images([first, first.rotate(90)], upscaler_1="Nearest", upscaling_resize=3).images
        self.assertEqual([i.size for i in both], [(192, 192)] * 2)

    def test_a_picture_tells(self):
        first = self.draw()
        self.assertEqual(self.api.png_info(first.image).info, first.info["infotexts"][0])
        self.assertEqual(self.api.interrogate(first.image).info, "a red circle")

    def test_lists(self):
        for name in ("options", "samplers", "sd_models", "sd_vae", "upscalers", "latent_upscale_modes", "loras",
                     "embeddings", "hypernetworks", "face_restorers", "realesrgan_models", "cmd_flags", "memory",
                     "scripts", "schedulers"):
            with self.subTest(name):
                self.assertIsNotNone(getattr(self.api, "get_" + name)())
        self.api.refresh_checkpoints()

    def test_a_model_is_chosen(self):
        names = self.api.util_get_model_names()
        self.assertEqual(names, ["built-in"])
        self.api.util_set_model("built-in")
        self.assertTrue(self.api.util_get_current_model().startswith("built-in"))

    def test_interrupt(self):
        drawn = {}
        thread = threading.Thread(target=lambda: drawn.update(r=self.draw(steps=1000)))
        thread.start()
        wait_for(lambda: self.api.get_progress()["state"]["sampling_step"] > 0)
        self.api.interrupt()
        thread.join(60)
        self.assertEqual(len(drawn["r"].images), 1, "what there was")

    def test_controlnet_is_asked_for(self):
        self.assertEqual(self.api.controlnet_model_list(), [])
        self.assertIn("canny", self.api.controlnet_module_list())
        unit = webuiapi.ControlNetUnit(image=Image.new("RGB", (64, 64)), module="canny", model="none-such")
        with self.assertRaisesRegex(RuntimeError, "none-such"):
            self.draw(controlnet_units=[unit])

    def test_an_error_is_told(self):
        with self.assertRaisesRegex(RuntimeError, "Sampler not found"):
            self.draw(sampler_name="none-such")
