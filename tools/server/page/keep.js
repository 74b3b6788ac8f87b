/* What the fields hold is kept: by the server, in the file of its settings, and by this browser. */

function fields_now() {
  const all = { prompt: $("prompt").value, negative_prompt: $("negative_prompt").value, styles: chosen_styles(), language,
    theme: document.documentElement.dataset.theme, sd_vae: $("sd_vae").value, refiner_checkpoint: $("refiner_checkpoint").value, rows: {} };
  for (const id of ["x_row", "x_values", "y_row", "y_values"]) all[id] = $(id).value;
  for (const row of rows) {
    const value = value_of(row);
    if (value !== row.default) all.rows[row.json] = value;
  }
  return all;
}

const keep_later = later(800, () => api("v1/page", fields_now()).catch(() => { /* this browser has them */ }));

function keep() {
  localStorage.fields = JSON.stringify(fields_now());
  keep_later();
}

async function kept_fields() {
  const here = (() => { try { return JSON.parse(localStorage.fields); } catch { return {}; } })();
  const there = await api("v1/page").catch(() => ({}));
  return Object.keys(there).length ? there : here;
}

function restore(all) {
  $("prompt").value = all.prompt || "";
  $("negative_prompt").value = all.negative_prompt || "";
  for (const id of ["sd_vae", "refiner_checkpoint", "x_row", "x_values", "y_row", "y_values"])
    if (all[id] && ($(id).options === undefined || [...$(id).options].some(o => o.value === all[id]))) $(id).value = all[id];
  for (const row of rows) set_value(row, all.rows && row.json in all.rows ? all.rows[row.json] : row.default);
}

function begin_keep() {
  for (const event of ["change", "input"]) $("form").addEventListener(event, e => { if (e.target.type !== "file") keep(); });
}
