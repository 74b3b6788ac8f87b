/* The beginning: asks the server what there is, and sets everything going. Runs last. */

function show_view(id) {
  for (const button of document.querySelectorAll("[data-view]")) {
    const chosen = button.dataset.view === id;
    button.setAttribute("aria-pressed", chosen);
    $(button.dataset.view).hidden = !chosen;
  }
  if (id === "gallery_view") tell(show_gallery)();
}

function set_theme(theme) {
  document.documentElement.dataset.theme = theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function speak() {
  speak_page();
  speak_fields();
  speak_sheet();
  for (const id of ["sd_vae", "refiner_checkpoint"]) $(id).options[0].text = t("automatic");
}

/* A picture that is dropped: its settings, or, on its box or without any, the one to start from. */
async function dropped(e) {
  e.preventDefault();
  document.body.classList.remove("drop");
  const file = e.dataTransfer.files[0];
  if (!file) return;
  if (!file.type.startsWith("image/")) throw new Error(t("file_only"));
  const data = await read_file(file);
  if (!$("enlarge_view").hidden) return enlarge_this(data);
  show_view("draw_view");
  if (e.target.closest?.("#start") || !await use_settings(data)) begin_with(data);
}

function begin_page() {
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => show_view(button.dataset.view));
  $("theme").addEventListener("click", () => { set_theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); keep(); });
  $("language").addEventListener("change", () => { language = $("language").value; speak(); keep(); });
  $("model").addEventListener("change", tell(() => api("sdapi/v1/options", { sd_model_checkpoint: $("model").value })));
  $("defaults").addEventListener("click", () => { all_defaults(); keep(); });
  $("gallery_find").addEventListener("input", filter_gallery);
  addEventListener("dragover", e => { e.preventDefault(); document.body.classList.add("drop"); });
  addEventListener("dragleave", e => { if (!e.relatedTarget) document.body.classList.remove("drop"); });
  addEventListener("drop", tell(dropped));
  for (const begin of [begin_prompts, begin_styles, begin_start, begin_viewer, begin_queue, begin_sheet, begin_keep]) begin();
}

/* Everything that the server is asked at first. */
async function ask_server() {
  const paths = ["v1/settings", "sdapi/v1/sd-models", "sdapi/v1/options", "sdapi/v1/sd-vae", "sdapi/v1/upscalers", "sdapi/v1/prompt-styles",
    "v1/cards", "controlnet/model_list", "controlnet/module_list"];
  return Promise.all(paths.map(path => api(path)));
}

async function begin() {
  const kept = await kept_fields();
  language = WORDS[kept.language] ? kept.language : language;
  set_theme(kept.theme);
  speak_page();
  const [settings, models, options, vaes, upscalers, list, all_cards, control, modules] = await ask_server();
  rows = settings.settings;
  const titles = models.map(m => m.title);
  options_of($("model"), titles);
  $("model").value = options.sd_model_checkpoint;
  lay_out_fields();
  lay_out_parts(titles, vaes.map(v => v.model_name));
  speak_sheet();
  restore(kept);
  show_styles(list, kept.styles || []);
  begin_cards(all_cards);
  begin_controls(control, modules);
  begin_enlarge(upscalers);
  speak();
  begin_page();
  prompt_changed();
  await adopt_jobs();
  document.body.dataset.ready = "yes";
}

set_theme();
speak_page();
begin().catch(fail);
