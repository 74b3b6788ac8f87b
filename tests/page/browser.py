"""A browser at the page, and what a user does there."""

import os
import shutil

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from served import ServedCase, wait_for

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1000", "--lang=en",
             "--force-prefers-reduced-motion")


def open_browser():
    options = webdriver.ChromeOptions()
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": "en"})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = shutil.which("chromedriver")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


class PageCase(ServedCase):
    """Tests of one class share a server and a browser; each begins with the page as a stranger finds it."""

    options = ("--outputs", "{}/out", "--settings", "{}/settings.json", "--styles", "{}/styles.csv", "--lora-dir", "{}", "--quiet")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = open_browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        super().tearDownClass()

    def setUp(self):
        self.load("/page.css")
        self.run_script("localStorage.clear(); return fetch('v1/page', {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})")
        self.load()

    def tearDown(self):
        """No test leaves an error in the console: but refusals of the server, which tests provoke."""
        lines = [x["message"] for x in self.browser.get_log("browser") if x["level"] == "SEVERE" and "Failed to load resource" not in x["message"]]
        self.assertEqual(lines, [])

    def load(self, path="/"):
        self.browser.get(self.served.url + path)
        if path == "/":
            wait_for(lambda: self.run_script("return document.body.dataset.ready"))

    def run_script(self, text, *given):
        return self.browser.execute_script(text, *given)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def open_box(self, selector):
        self.run_script("document.querySelector(arguments[0]).open = true", selector)

    def click(self, selector):
        e = self.find(selector)
        self.run_script("arguments[0].scrollIntoView({block: 'center'})", e)
        e.click()

    def write(self, selector, text):
        e = self.find(selector)
        e.send_keys(Keys.CONTROL, "a")
        e.send_keys(Keys.DELETE)
        e.send_keys(str(text))

    def choose(self, selector, text):
        Select(self.find(selector)).select_by_visible_text(text)

    def value(self, selector):
        return self.find(selector).get_property("value")

    def count(self, selector):
        return len(self.all(selector))

    def error(self):
        return self.find("#error").text

    def draw(self, prompt, **rows):
        """Draws small, quickly, and waits for the picture."""
        before = self.count("#results img")
        self.write("#prompt", prompt)
        for row, value in {"width": 64, "height": 64, "steps": 2, "seed": 7, **rows}.items():
            self.write(f"#s_{row}", value)
        self.click("#draw")
        wait_for(lambda: self.count("#results img") > before or self.error())
        self.assertEqual(self.error(), "")

    def shot(self, name):
        folder = os.environ.get("SHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.browser.save_screenshot(f"{folder}/{name}.png")
