/* Styles: prompts by name, which the server keeps and adds to the prompt. */
let styles = [];

const chosen_styles = () => [...$("styles").querySelectorAll('[aria-pressed="true"]')].map(e => e.dataset.style);

function chip(style, chosen) {
  const e = make("button", { type: "button", textContent: style.name, title: [style.prompt, style.negative_prompt].filter(Boolean).join("\n") });
  e.dataset.style = style.name;
  e.setAttribute("aria-pressed", chosen.includes(style.name));
  e.addEventListener("click", () => {
    e.setAttribute("aria-pressed", e.getAttribute("aria-pressed") !== "true");
    $("style_name").value = style.name;
    keep();
  });
  return e;
}

function show_styles(list, chosen = chosen_styles()) {
  styles = list;
  $("styles").replaceChildren(...styles.map(style => chip(style, chosen)));
  $("no_styles").hidden = styles.length > 0;
}

async function keep_style(prompt, negative_prompt) {
  show_styles(await api("v1/styles", { name: $("style_name").value.trim(), prompt, negative_prompt }));
  fail();
}

function begin_styles() {
  $("style_keep").addEventListener("click", tell(() => keep_style($("prompt").value, $("negative_prompt").value)));
  $("style_remove").addEventListener("click", tell(() => keep_style("", "")));
}
