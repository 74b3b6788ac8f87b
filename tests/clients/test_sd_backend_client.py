"""sd-backend-client: the strictest reader of replies."""

from PIL import Image
from sd_backend_client.api.a1111_webservice import A1111Webservice
from sd_backend_client.api.shared_data.diffusion_params import DiffusionParams
from sd_backend_client.errors import SDBackendError
from served import ServedCase

LISTS = ("get_config", "get_styles", "get_scripts", "get_script_info", "get_samplers", "get_upscalers",
         "get_latent_upscale_modes", "get_hypernetworks", "get_models", "get_vae", "get_loras", "get_controlnet_version",
         "get_controlnet_models", "get_controlnet_modules", "get_controlnet_control_types", "get_controlnet_settings",
         "get_controlnet_preprocessors", "get_controlnet_type_categories", "list_checkpoints", "list_vaes", "list_loras",
         "list_hypernetworks", "list_samplers", "list_schedulers", "list_upscalers", "list_controlnet_models",
         "get_capabilities", "progress_check", "refresh_checkpoints", "refresh_vae", "refresh_loras", "interrupt")


def small(**more):
    return DiffusionParams(**{"prompt": "a red circle", "steps": 2, "width": 64, "height": 64, "seed": 5, **more})


class SdBackendClient(ServedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = A1111Webservice(cls.served.url)

    def test_lists(self):
        for name in LISTS:
            with self.subTest(name):
                getattr(self.service, name)()

    def test_txt2img(self):
        drawn = self.service.txt2img(small(batch_size=2))
        self.assertEqual([i.size for i in drawn["images"]], [(64, 64)] * 2)
        self.assertEqual(drawn["info"].all_seeds, [5, 6])

    def test_img2img(self):
        first = self.service.txt2img(small())["images"][0]
        self.assertEqual(len(self.service.img2img(first, request_body=small())["images"]), 1)

    def test_submitted(self):
        handle = self.service.submit_txt2img(small(steps=3))
        self.assertEqual(len(handle.wait(60).images), 1)

    def test_upscale(self):
        drawn = self.service.upscale(Image.new("RGB", (64, 64), "red"), 128, 96)
        self.assertEqual(drawn["images"][0].size, (128, 96))

    def test_interrogate(self):
        with self.assertRaises(SDBackendError):
            self.service.interrogate(Image.new("RGB", (64, 64), "red"))
