/* ControlNets and image prompts: a unit for each. */
const units = []; /* {box, image} */
let control_models = [], control_modules = [], unit_count = 0;

const MODES = ["balanced", "my_prompt", "controlnet"], SIZES = ["just", "crop", "fill"]; /* in the webui's order */

function unit_number(value, low, high, step) {
  return make("input", { type: "number", min: low, max: high, step, value });
}

function unit_choice(keys, chosen) {
  const select = make("select");
  select.append(...keys.map((key, i) => spoken_as(key, make("option", { value: i, selected: i === chosen }))));
  return select;
}

function unit_fields() {
  const model = make("select"), module = make("select");
  options_of(model, control_models);
  options_of(module, control_modules);
  return { model, module, weight: unit_number(1, 0, 2, 0.05), guidance_start: unit_number(0, 0, 1, 0.05), guidance_end: unit_number(1, 0, 1, 0.05),
    control_mode: unit_choice(MODES, 0), resize_mode: unit_choice(SIZES, 1), threshold_a: unit_number("", 0, 255, "any"),
    threshold_b: unit_number("", 0, 255, "any") };
}

const UNIT_WORDS = { guidance_start: "unit_start", guidance_end: "unit_end", resize_mode: "unit_resize" };

function add_unit(image = null) {
  const unit = { image, fields: unit_fields() }, prefix = `unit_${++unit_count}_`;
  const grid = make("div", { className: "grid" }), preview = make("img", { alt: "", hidden: true });
  const file = make("input", { type: "file", accept: "image/*" });
  for (const [name, input] of Object.entries(unit.fields)) grid.append(labelled(prefix + name, UNIT_WORDS[name] || name, input));
  const gone = spoken_as("take_away", make("button", { type: "button" }));
  unit.show = url => { unit.image = url; preview.src = url || ""; preview.hidden = !url; };
  unit.box = make("div", { className: "unit", role: "group", ariaLabel: `${t("unit")} ${units.length + 1}` }, labelled(prefix + "file", "unit_image", file), preview,
    grid, make("div", { className: "row" }, gone));
  file.addEventListener("change", tell(async () => unit.show(file.files[0] ? await read_file(file.files[0]) : null)));
  gone.addEventListener("click", () => { units.splice(units.indexOf(unit), 1); unit.box.remove(); });
  units.push(unit);
  $("units").append(unit.box);
  unit.show(image);
  return unit;
}

/* The units as ControlNet's extension of the webui takes them. */
function control_units() {
  return units.map(({ image, fields }) => {
    const unit = { enabled: true, pixel_perfect: true };
    for (const [name, input] of Object.entries(fields)) {
      if (input.value === "") continue;
      unit[name] = input.type === "number" || name.endsWith("_mode") ? Number(input.value) : input.value;
    }
    if (image) unit.image = image;
    return unit;
  });
}

function begin_controls(models, modules) {
  control_models = models.model_list;
  control_modules = modules.module_list;
  $("no_controls").hidden = control_models.length > 0;
  $("add_unit").disabled = !control_models.length;
  $("add_unit").addEventListener("click", () => add_unit());
}
