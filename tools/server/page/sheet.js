/* Grids: a job for each pair of values of two settings. */
const MOST_CELLS = 400;

/* "20, 30", "1-5", "0.5-1 (+0.25)" as a list; words that are no numbers as they are. Commas within "" do not part. */
function values_in(text) {
  const parts = [...text.matchAll(/"([^"]*)"|[^,]+/g)].map(x => (x[1] ?? x[0]).trim()).filter(Boolean);
  return parts.flatMap(part => {
    const range = part.match(/^(-?[\d.]+)\s*-\s*(-?[\d.]+)\s*(?:\(\s*\+?(-?[\d.]+)\s*\))?$/);
    if (!range) return [part];
    const [first, last, step] = [Number(range[1]), Number(range[2]), Number(range[3] ?? 1)], all = [];
    for (let i = 0; step > 0 && first + i * step <= last + 1e-9 && i <= MOST_CELLS; i++) all.push(Number((first + i * step).toFixed(6)));
    return all;
  });
}

/* An axis: its name, and what puts value number i into a body. */
function axis_of(select, text) {
  const values = values_in(text), name = select.value;
  if (!name) return { name: "", values: [""], put: () => {} };
  if (name === "words") return { name, values, put: (body, value) => { body.prompt = body.prompt.replaceAll(values[0], value); } };
  if (name === "model") return { name, values, put: (body, value) => { body.override_settings.sd_model_checkpoint = value; } };
  return { name, values, put: (body, value) => { body[name] = value; } };
}

function sheet_choices() {
  const choices = [["", t("nothing")], ["words", t("sheet_words")], ["model", t("model")]];
  for (const row of rows) if (row.type !== "boolean" && row.json !== "batch_size" && row.json !== "n_iter") choices.push([row.json, spoken(row)]);
  return choices;
}

/* A table with a place for each picture. */
function sheet_table(x, y) {
  const cells = y.values.map(() => x.values.map(() => make("td")));
  const top = make("tr", {}, make("th"), ...x.values.map(value => make("th", { scope: "col", textContent: value })));
  const lines = y.values.map((value, i) => make("tr", {}, make("th", { scope: "row", textContent: value }), ...cells[i]));
  return { cells, table: make("table", {}, make("thead", {}, top), make("tbody", {}, ...lines)) };
}

/* All pictures of a grid on one canvas, under their values. */
async function sheet_picture(x, y, pictures) {
  const images = await Promise.all(pictures.flat().map(async p => { const i = new Image(); i.src = p ? p.url.slice(1) : ""; await i.decode().catch(() => {}); return i; }));
  const wide = Math.max(...images.map(i => i.naturalWidth)), high = Math.max(...images.map(i => i.naturalHeight)), edge = Math.max(40, Math.round(wide / 6));
  const canvas = make("canvas", { width: edge * 2 + wide * x.values.length, height: edge + high * y.values.length }), pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  Object.assign(pen, { fillStyle: "#000", font: `${Math.round(edge / 3)}px sans-serif`, textAlign: "center", textBaseline: "middle" });
  x.values.forEach((value, i) => pen.fillText(value, edge * 2 + wide * (i + 0.5), edge / 2, wide));
  y.values.forEach((value, i) => pen.fillText(value, edge, edge + high * (i + 0.5), edge * 2));
  images.forEach((image, i) => pen.drawImage(image, edge * 2 + wide * (i % x.values.length), edge + high * Math.floor(i / x.values.length)));
  return new Promise(done => canvas.toBlob(done, "image/png"));
}

async function draw_sheet() {
  const x = axis_of($("x_row"), $("x_values").value), y = axis_of($("y_row"), $("y_values").value);
  if (!x.values.length || !y.values.length || (!x.name && !y.name)) throw new Error(t("sheet_empty"));
  if (x.values.length * y.values.length > MOST_CELLS) throw new Error(t("sheet_many"));
  fail();
  keep();
  const seed = value_of(row_named("seed")), list = [], pictures = y.values.map(() => x.values.map(() => null)), { cells, table } = sheet_table(x, y);
  const first = { ...job_body(), batch_size: 1, n_iter: 1, seed: seed === null || Number(seed) < 0 ? Math.floor(Math.random() * 2 ** 32) : seed };
  const row = make("div", { className: "row" });
  $("sheets").prepend(make("div", { className: "sheet" }, table, row));
  $("sheets_box").hidden = false;
  const ends = [];
  for (let i = 0; i < y.values.length; i++) for (let k = 0; k < x.values.length; k++) {
    const body = structuredClone(first);
    x.put(body, x.values[k]);
    y.put(body, y.values[i]);
    const job = await submit(body, `${x.values[k]} ${y.values[i]}`).catch(fail);
    ends.push(Promise.resolve(job?.ended).then(said => {
      pictures[i][k] = said.pictures[0];
      cells[i][k].append(figure(list, said.pictures[0].url.slice(1), said.pictures[0].infotext, ""));
    }).catch(() => { cells[i][k].textContent = "-"; }));
  }
  await Promise.all(ends);
  if (!list.length) return;
  const url = URL.createObjectURL(await sheet_picture(x, y, pictures));
  row.append(make("a", { className: "button", href: url, download: "grid.png", textContent: t("save_sheet") }));
}

function begin_sheet() {
  $("draw_sheet").addEventListener("click", tell(draw_sheet));
}

function speak_sheet() {
  for (const id of ["x_row", "y_row"]) {
    const chosen = $(id).value;
    options_of($(id), sheet_choices());
    $(id).value = chosen;
  }
}
