/* Pictures: small ones in boxes, and the viewer with what they say. */
let shown = null; /* {url, data, text, list, at} of the viewer */

function figure(list, url, text, caption) {
  const open = make("button", { type: "button" }, make("img", { src: url, loading: "lazy", alt: (text || "").split("\n")[0] || caption }));
  const item = { url, text };
  list.push(item);
  open.addEventListener("click", tell(() => view(list, list.indexOf(item))));
  return make("figure", {}, open, make("figcaption", { textContent: caption }));
}

/* --- the viewer --- */

/* The prompts and then each setting, in pairs. */
function facts_of(said) {
  const { Prompt: prompt, "Negative prompt": negative, ...rest } = said.parameters;
  const pairs = [[t("prompt"), prompt], [t("negative_prompt"), negative], ...Object.entries(rest)];
  return pairs.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]);
}

async function view(list, at) {
  const item = list[at], data = await read_url(item.url);
  const said = await api("sdapi/v1/png-info", { image: data }).catch(() => ({ info: "", parameters: {} }));
  shown = { ...item, data, list, at };
  $("large").src = data;
  $("large").alt = said.info.split("\n")[0];
  $("facts").replaceChildren(...(said.info ? facts_of(said) : [make("dt"), make("dd", { textContent: t("nosettings") })]));
  $("download").href = data;
  $("download").download = item.url.split("/").slice(-2).join("-").replace(/(\.png)?$/, ".png");
  $("before").disabled = at === 0;
  $("after").disabled = at === list.length - 1;
  if (!$("viewer").open) $("viewer").showModal();
}

function turn(by) {
  const at = shown.at + by;
  if (at >= 0 && at < shown.list.length) return view(shown.list, at);
}

/* --- settings from a picture --- */

/* Sets every field to what a picture says of itself; false: it says nothing. */
async function use_settings(data) {
  const said = await api("sdapi/v1/png-info", { image: data });
  if (!said.info) return false;
  const named = said.parameters;
  set_prompts(named.Prompt || "", named["Negative prompt"] || "");
  for (const row of rows) set_value(row, row.key && named[row.key] !== undefined ? named[row.key] : row.default);
  choose_model($("model"), named.Model, named["Model hash"]);
  $("refiner_checkpoint").value = "";
  choose_model($("refiner_checkpoint"), ...(named.Refiner || "").split(/ (?=\[)/));
  for (const e of $("styles").children) e.setAttribute("aria-pressed", "false");
  keep();
  return true;
}

/* The model of that name or hash, where the server has it. */
function choose_model(select, name, hash) {
  if (!name && !hash) return;
  const digits = (hash || "").replace(/[[\]]/g, "");
  const found = [...select.options].find(o => (digits && o.value.includes(`[${digits}`)) || o.value.replace(/ \[.*/, "").replace(/.*\//, "").replace(/\.[^.]*$/, "") === name);
  if (found) select.value = found.value;
}

function begin_viewer() {
  const then = action => tell(async () => { $("viewer").close(); show_view("draw_view"); await action(shown.data); });
  $("close").addEventListener("click", () => $("viewer").close());
  $("before").addEventListener("click", tell(() => turn(-1)));
  $("after").addEventListener("click", tell(() => turn(1)));
  $("viewer").addEventListener("keydown", e => {
    if (e.key === "ArrowLeft" || e.key === "ArrowRight") tell(() => turn(e.key === "ArrowLeft" ? -1 : 1))();
  });
  $("reuse").addEventListener("click", then(async data => { if (!await use_settings(data)) throw new Error(t("nosettings")); }));
  $("as_start").addEventListener("click", then(data => begin_with(data)));
  $("as_control").addEventListener("click", then(data => {
    $("controls").open = true;
    if (control_models.length) add_unit(data);
  }));
  $("as_enlarge").addEventListener("click", tell(() => { $("viewer").close(); show_view("enlarge_view"); enlarge_this(shown.data); }));
}

/* --- the gallery --- */

let gallery = [];

async function show_gallery() {
  gallery = (await api("v1/gallery")).pictures;
  filter_gallery();
}

function filter_gallery() {
  const wanted = $("gallery_find").value.trim(), list = [];
  const found = gallery.filter(p => p.name.includes(wanted));
  $("gallery").replaceChildren(...found.map(p => figure(list, p.url.slice(1), undefined, p.name)));
  $("gallery_none").hidden = found.length > 0;
  $("gallery_none").textContent = t(gallery.length ? "none" : "no_outputs");
}
