"""What somebody does who opens the page for the first time."""

import base64
import json
import re

from browser import PageCase
from selenium.webdriver.common.keys import Keys
from served import wait_for

DROP = """
const [selector, base64, name] = arguments, bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], name, {type: 'image/png'}));
document.querySelector(selector).dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
"""
PAINT = """
const c = document.getElementById('mask'), b = c.getBoundingClientRect();
const at = (type, x, y) => c.dispatchEvent(new PointerEvent(type, {pointerId: 1, button: 0, buttons: 1, bubbles: true,
  clientX: b.left + x * b.width, clientY: b.top + y * b.height}));
c.setPointerCapture = () => {};
at('pointerdown', .1, .1); at('pointermove', .1, .9);
"""


class FirstUser(PageCase):
    def files_of_a_lora(self):
        folder = self.served.folder
        (folder / "inky.safetensors").write_bytes(b"x")
        (folder / "inky.preview.png").write_bytes(self.picture_bytes())
        (folder / "inky.json").write_text(json.dumps({"activation text": "inky style", "preferred weight": 0.8}))

    def picture_bytes(self):
        return base64.b64decode(self.run_script(
            "const c = document.createElement('canvas'); c.width = c.height = 64; const p = c.getContext('2d');"
            "p.fillStyle = '#c33'; p.fillRect(0, 0, 64, 64); return c.toDataURL('image/png').split(',')[1]"))

    def result_png(self):
        return self.browser.execute_async_script(
            "const done = arguments[0]; fetch(document.querySelector('#results img').src).then(r => r.blob())"
            ".then(b => { const f = new FileReader(); f.onload = () => done(f.result.split(',')[1]); f.readAsDataURL(b); })")

    def test_a_picture_grows(self):
        self.shot("first")
        self.write("#prompt", "a red circle left of a blue square")
        self.write("#s_steps", 150)
        self.write("#s_seed", 3)
        self.find("#prompt").send_keys(Keys.CONTROL, Keys.ENTER)
        wait_for(lambda: any(e.is_displayed() for e in self.all(".job img")))
        self.assertIn("Drawing, step", self.find(".job").text)
        self.shot("growing")
        wait_for(lambda: self.count("#results img"))
        wait_for(lambda: self.find("#idle").is_displayed())
        self.assertEqual(self.count(".job"), 0)
        self.shot("drawn")

    def test_tokens_and_colours(self):
        wait_for(lambda: self.find("#prompt_tokens").text == "0/75")
        self.write("#prompt", "a (cat:1.2), <lora:none:1> [dog] BREAK x # why")
        wait_for(lambda: self.find("#prompt_tokens").text == "76/150 (2 chunks)")
        classes = {e.text: e.get_attribute("class") for e in self.all("#form pre:first-child span")}
        self.assertEqual(classes["BREAK"], "is-word")
        self.assertEqual(classes[":1.2"], "is-weight")
        self.assertEqual(classes["# why"], "is-note")
        self.assertEqual(classes["<lora:none:1>"], "is-net unknown")
        self.write("#prompt", "(a:1..2)")
        wait_for(lambda: self.find("#prompt_fault").is_displayed())
        self.write("#prompt", "a cat")
        wait_for(lambda: not self.find("#prompt_fault").is_displayed())
        self.find("#prompt").send_keys(Keys.CONTROL, Keys.ARROW_UP)
        self.assertEqual(self.value("#prompt"), "a (cat:1.1)")
        self.find("#prompt").send_keys(Keys.CONTROL, Keys.ARROW_UP)
        self.assertEqual(self.value("#prompt"), "a (cat:1.2)")

    def test_every_setting_has_a_field_with_a_name(self):
        rows = self.run_script("return rows.map(r => r.json)")
        self.assertGreater(len(rows), 60)
        for row in rows:
            self.assertEqual(self.count(f"#s_{row}"), 1, row)
        nameless = self.run_script(
            "return [...document.querySelectorAll('input, select, textarea, button, a, canvas')]"
            ".filter(e => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim() || e.querySelector('img')?.alt)).map(e => e.id || e.outerHTML)")
        self.assertEqual(nameless, [])

    def test_settings_come_back_from_a_dropped_picture(self):
        self.draw("a green tower", steps=3, seed=11, cfg_scale=4.5)
        png = self.result_png()
        self.open_box("#more")
        self.click("#defaults")
        self.write("#prompt", "")
        self.run_script(DROP, "#results", png, "x.png")
        wait_for(lambda: self.value("#prompt") == "a green tower")
        self.assertEqual([self.value(f"#s_{x}") for x in ("steps", "seed", "cfg_scale", "width")], ["3", "11", "4.5", "64"])
        self.assertFalse(self.find("#chosen").is_displayed(), "its settings, not a picture to start from")

    def test_img2img_with_a_painted_mask(self):
        self.draw("a red circle")
        self.click("#results button")
        wait_for(lambda: self.find("#viewer").is_displayed())
        self.assertIn("a red circle", self.find("#facts").text)
        self.assertIn("Euler a", self.find("#facts").text)
        self.shot("viewer")
        self.click("#as_start")
        wait_for(lambda: self.run_script("return document.getElementById('mask').width") == 64)
        self.assertIsNone(self.run_script("return mask_picture()"))
        self.run_script(PAINT)
        self.assertTrue(self.run_script("return mask_picture()").startswith("data:image/png"))
        self.click("#undo")
        self.assertIsNone(self.run_script("return mask_picture()"))
        self.run_script(PAINT)
        self.open_box("#start")
        self.shot("inpainting")
        self.draw("a blue circle", denoising_strength=0.6)
        text = self.find("#results img").get_attribute("alt")
        self.assertEqual(text, "a blue circle")
        self.click("#results button")
        wait_for(lambda: "Denoising strength" in self.find("#facts").text)
        self.assertIn("Mask blur", self.find("#facts").text)
        self.click("#close")
        self.click("#remove")
        self.assertIsNone(self.run_script("return source"))

    def test_a_picture_to_start_from_by_its_box(self):
        self.open_box("#start")
        png = base64.b64encode(self.picture_bytes()).decode()
        self.run_script(DROP, "#start summary", png, "x.png")
        wait_for(lambda: self.find("#chosen").is_displayed())
        self.run_script(DROP, "#results", base64.b64encode(b"no picture").decode(), "x.png")
        wait_for(self.error)

    def test_hires_fix(self):
        self.open_box("#hires")
        self.draw("a tower", hires_scale=2)
        self.assertIn("128x128", self.find("#results figcaption").text)

    def test_the_queue(self):
        self.write("#s_steps", 1000)
        for seed in (1, 2, 3, 4):
            self.write("#s_seed", seed)
            self.write("#prompt", f"number {seed}")
            self.click("#draw")
            wait_for(lambda: self.count(".job") == seed)
        wait_for(lambda: "place" in self.all(".job")[1].text)
        self.shot("queue")
        self.all(".job button")[1].click()
        wait_for(lambda: self.count(".job") == 3)
        self.assertNotIn("number 2", self.find("#jobs").text)
        self.load()
        wait_for(lambda: self.count(".job") == 3)
        self.click("#cancel_all")
        wait_for(lambda: self.count(".job") == 0)
        self.assertEqual(self.error(), "")

    def test_a_grid(self):
        self.write("#prompt", "a cat")
        self.open_box("#sheet_box")
        self.choose("#x_row", "Steps")
        self.write("#x_values", "1-3")
        self.choose("#y_row", "Words of the prompt")
        self.write("#y_values", "cat, dog")
        for row in ("width", "height"):
            self.write(f"#s_{row}", 64)
        self.click("#draw_sheet")
        wait_for(lambda: self.count(".sheet td img") == 6)
        self.assertEqual([e.text for e in self.all(".sheet th")], ["", "1", "2", "3", "cat", "dog"])
        wait_for(lambda: self.count(".sheet a"))
        self.assertEqual(self.all(".sheet img")[3].get_attribute("alt"), "a dog")
        self.shot("grid")
        self.write("#x_values", "")
        self.click("#draw_sheet")
        wait_for(self.error)

    def test_styles_are_kept(self):
        self.open_box("#styles_box")
        self.write("#prompt", "ink drawing of {prompt}")
        self.write("#style_name", "Ink")
        self.click("#style_keep")
        wait_for(lambda: self.count("#styles button") == 1)
        self.click("#styles button")
        self.draw("a cat")
        self.assertEqual(self.find("#results img").get_attribute("alt"), "ink drawing of a cat")
        self.click("#style_remove")
        wait_for(lambda: self.count("#styles button") == 0)

    def test_cards(self):
        self.files_of_a_lora()
        self.run_script("return api('sdapi/v1/refresh-loras', {})")
        self.load()
        self.open_box("#cards_box")
        self.assertTrue(self.run_script("const i = document.querySelector('.card img'); return i.decode().then(() => i.naturalWidth > 0)"))
        self.shot("cards")
        self.click(".card")
        self.assertEqual(self.value("#prompt"), "<lora:inky:0.8> inky style")
        self.assertEqual(self.find("#form pre span").get_attribute("class"), "is-net")
        self.write("#cards_find", "nothing like it")
        self.assertEqual(self.count(".card"), 0)

    def test_fields_persist(self):
        self.write("#prompt", "a prompt to keep")
        self.write("#s_steps", 9)
        self.find("#s_steps").send_keys(Keys.TAB)
        wait_for(lambda: "a prompt to keep" in (self.served.folder / "settings.json").read_text())
        self.run_script("localStorage.clear()")
        self.load()
        self.assertEqual(self.value("#prompt"), "a prompt to keep")
        self.assertEqual(self.value("#s_steps"), "9")

    def test_enlarging(self):
        self.draw("a red circle")
        self.click("#results button")
        wait_for(lambda: self.find("#viewer").is_displayed())
        self.click("#as_enlarge")
        self.write("#enlarge_scale", 3)
        self.click("#enlarge")
        wait_for(lambda: self.count("#enlarged img"))
        self.assertIn("192x192", self.find("#enlarged figcaption").text)
        self.click("#enlarged button")
        wait_for(lambda: "a red circle" in self.find("#facts").text or self.error())
        self.assertEqual(self.error(), "")
        self.assertEqual(self.run_script("return document.getElementById('large').naturalWidth"), 192)

    def test_the_gallery(self):
        self.draw("a kept picture", seed=77)
        self.click("[data-view=gallery_view]")
        wait_for(lambda: self.count("#gallery img"))
        self.write("#gallery_find", "-77.png")
        wait_for(lambda: self.count("#gallery img") == 1)
        self.click("#gallery button")
        wait_for(lambda: "a kept picture" in self.find("#facts").text)
        self.shot("gallery")
        self.assertFalse(self.find("#before").is_enabled())
        self.click("#reuse")
        wait_for(lambda: self.value("#s_seed") == "77")
        self.assertTrue(self.find("#draw_view").is_displayed())

    def test_errors_are_told(self):
        self.write("#s_steps", 100000)
        self.click("#draw")
        wait_for(lambda: "steps" in self.error())
        self.assertEqual(self.count(".job"), 0)

    def test_enter_draws_nothing(self):
        self.find("#s_steps").send_keys(Keys.ENTER)
        self.assertEqual(self.count(".job"), 0)
        self.assertEqual(self.count("#results img") + self.count(".job"), self.count("#results img"))


class Looks(PageCase):
    def test_dark_light_and_languages(self):
        for theme in ("dark", "light"):
            while self.run_script("return document.documentElement.dataset.theme") != theme:
                self.click("#theme")
            back = self.run_script("return getComputedStyle(document.body).backgroundColor")
            dark = sum(int(x) for x in re.findall(r"\d+", back)[:3]) < 200
            self.assertEqual(dark, theme == "dark", back)
            self.write("#prompt", "a (red:1.2) circle, <lora:none:1>, BREAK # note")
            self.shot(theme)
        self.assertEqual(self.find('[data-row="batch_size"] span').text, "Batch size")
        self.choose("#language", "中文")
        self.assertEqual(self.find("#draw").text, "生成")
        self.assertEqual(self.find('[data-row="steps"] span').text, "步数")
        english = self.run_script(
            "return [...document.querySelectorAll('[data-t], [data-label], [data-hint]')].flatMap(e => [e.dataset.t, e.dataset.label, e.dataset.hint])"
            ".filter(key => key && !(WORDS.zh[key] && WORDS.en[key]))")
        self.assertEqual(english, [], "every word is in both languages")
        self.shot("chinese")
        wait_for(lambda: '"zh"' in (self.served.folder / "settings.json").read_text())
        self.load()
        self.assertEqual(self.find("#draw").text, "生成")

    def test_phone(self):
        self.browser.set_window_size(500, 900)
        self.run_script("document.body.style.width = '360px'")
        self.draw("a red circle")
        wide = self.run_script("return Math.max(...[...document.querySelectorAll('main:not([hidden]) *')].filter(e => e.offsetParent).map(e => e.getBoundingClientRect().right))")
        self.assertLessEqual(wide, 361, "nothing sticks out")
        self.run_script("scrollTo(0, 0)")
        self.shot("phone")
        self.browser.set_window_size(1280, 1000)

    def test_contrast(self):
        """WCAG AA: 4.5 to 1 for every text that is seen, in both themes."""
        measure = """
        const part = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
        const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number); return .2126 * part(r) + .7152 * part(g) + .0722 * part(b); };
        const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255,255,255)'; };
        const bad = [];
        for (const e of document.querySelectorAll('body *')) {
          if (!e.offsetParent || e.disabled || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
          const color = getComputedStyle(e).color;
          if (/, 0\\)$/.test(color)) continue;
          const a = light(color), b = light(back(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          if (ratio < 4.5) bad.push(`${e.tagName} ${e.className} ${e.textContent.slice(0, 20)} ${ratio.toFixed(2)}`);
        }
        return bad;"""
        for _ in range(2):
            self.click("#theme")
            self.write("#prompt", "a (red:1.2) circle, <lora:none:1>, BREAK # note")
            self.assertEqual(self.run_script(measure), [])
