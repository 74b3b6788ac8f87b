/* The settings: a field for each row of the server's table. */
let rows = [];

const FIRST = ["width", "height", "steps", "cfg_scale", "sampler_name", "scheduler", "seed", "batch_size", "n_iter", "denoising_strength"];
const unset = row => t(row.of_hires ? "same" : "unset");

/* A row's name for people: the language's, the one in pictures' texts, or the option's. */
function spoken(row) {
  if (WORDS[language][row.json]) return t(row.json);
  if (row.key && !/-[12]$/.test(row.key)) return row.key;
  return (row.name[0].toUpperCase() + row.name.slice(1)).replace(/-/g, " ");
}

function choice(row) {
  const select = make("select");
  if (row.default === null) select.add(new Option(unset(row), ""));
  for (const word of row.words) select.add(new Option(word, word));
  return select;
}

function number(row) {
  const input = make("input", { type: row.type === "integer" || row.type === "number" ? "number" : "text" });
  if (row.low !== undefined) input.min = row.low;
  if (row.high !== undefined) input.max = row.high;
  if (row.type === "integer") input.step = row.json === "width" || row.json === "height" ? 8 : 1;
  else if (row.type === "number") input.step = "any";
  else input.inputMode = row.type === "seed" ? "numeric" : "text";
  if (row.default === null) input.placeholder = unset(row);
  return input;
}

function field(row) {
  const id = "s_" + row.json, name = make("span", { textContent: spoken(row) });
  const input = row.words ? choice(row) : row.type === "text" ? make("textarea", { rows: 2, placeholder: unset(row) })
    : row.type === "boolean" ? make("input", { type: "checkbox" }) : number(row);
  const label = make("label", { htmlFor: id, title: row.help, className: row.type === "boolean" ? "flag" : row.type === "text" ? "wide" : "" });
  Object.assign(input, { id, title: row.help });
  label.append(...(row.type === "boolean" ? [input, name] : [name, input]));
  label.dataset.row = row.json;
  return label;
}

const input_of = row => $("s_" + row.json);
const row_named = json => rows.find(row => row.json === json);

/* What a row's field holds; null: nothing, which leaves it to the model. */
function value_of(row) {
  const input = input_of(row);
  if (row.type === "boolean") return input.checked;
  if (input.value === "") return null;
  return row.type === "integer" || row.type === "number" ? Number(input.value) : input.value;
}

function set_value(row, value) {
  const input = input_of(row);
  if (row.type === "boolean") input.checked = value === true || value === "True" || value === row.words?.[1];
  else input.value = value === null || value === undefined ? "" : value;
}

function all_defaults() {
  for (const row of rows) set_value(row, row.default);
}

/* Which box of the page a row's field is in. */
function box_of(row) {
  if (FIRST.includes(row.json)) return "first";
  if (row.of_mask) return "mask_settings";
  if (row.of_image) return "image_settings";
  if (row.of_hires) return "hires_settings";
  return row.of_refiner || /^sd_vae/.test(row.json) ? "part_settings" : "rest";
}

function lay_out_fields() {
  for (const row of rows) $(box_of(row)).append(field(row));
  $("first").append(...FIRST.map(json => $("first").querySelector(`[data-row="${json}"]`)).filter(Boolean));
  all_defaults();
}

function speak_fields() {
  for (const row of rows) {
    document.querySelector(`[data-row="${row.json}"] span`).textContent = spoken(row);
    const input = input_of(row);
    if (row.default === null && row.words) input.options[0].text = unset(row);
    else if (row.default === null || row.type === "text") input.placeholder = unset(row);
  }
}

/* --- parts of the model that are files of their own --- */

function lay_out_parts(models, vaes) {
  const none = ["", t("automatic")];
  for (const [name, list] of [["sd_vae", vaes], ["refiner_checkpoint", models]]) {
    const select = make("select");
    options_of(select, [none, ...list]);
    $("part_settings").prepend(labelled(name, name, select));
  }
}

/* --- the body of a job --- */

const draws_twice = () => !source && rows.some(row => /^hires_(scale|width|height)$/.test(row.json) && value_of(row) > 0);

const row_of = json => rows.find(row => row.json === json);

/* Whether a row counts in what is to be drawn. */
function counts(row, painted, twice) {
  if (row.of_hires) return twice;
  if (row.of_mask) return painted;
  if (row.of_tiles) return source !== null && value_of(row_of("sd_upscale")) > 0;
  if (row.of_windows) return value_of(row_of("tiled_diffusion")) !== row_of("tiled_diffusion").default;
  if (row.of_refiner) return $("refiner_checkpoint").value !== "";
  return !row.of_image || source !== null || (row.or_hires && twice);
}

function job_body() {
  const painted = mask_picture(), twice = draws_twice();
  const body = { prompt: $("prompt").value, negative_prompt: $("negative_prompt").value, styles: chosen_styles(),
    override_settings: { sd_model_checkpoint: $("model").value, sd_vae: $("sd_vae").value || "Automatic" } };
  for (const row of rows) {
    const value = value_of(row);
    if (value !== null && counts(row, painted !== null, twice)) body[row.json] = value;
  }
  if ($("refiner_checkpoint").value) body.refiner_checkpoint = $("refiner_checkpoint").value;
  if (source) body.init_images = [source];
  if (painted) body.mask = painted;
  const units = control_units();
  if (units.length) body.alwayson_scripts = { controlnet: { args: units } };
  return body;
}
