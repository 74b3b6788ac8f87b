"use strict";
/* What every part of the page uses. */

const $ = id => document.getElementById(id);

/* An element with properties, and what is in it. */
function make(tag, properties, ...within) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...within);
  return e;
}

/* A call's reply as JSON; throws its `detail`. Paths have no first slash, so that the page may lie below a prefix. */
async function api(path, body) {
  const how = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const reply = await fetch(path, how).catch(() => { throw new Error(t("unreachable")); });
  const said = await reply.json().catch(() => ({}));
  if (reply.ok) return said;
  const e = new Error(typeof said.detail === "string" ? said.detail : said.error?.message || `HTTP ${reply.status}`);
  e.status = reply.status;
  throw e;
}

/* Says what is wrong, or, without anything, no more. */
function fail(e) {
  const text = e ? e.message || String(e) : "";
  $("error").textContent = text;
  $("error").hidden = !text;
}

/* An action whose failure is said. */
const tell = action => (...given) => Promise.resolve().then(() => action(...given)).catch(fail);

/* A function that runs once calls have ceased for a while. */
function later(milliseconds, action) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(action, milliseconds); };
}

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

/* A file or blob as a data URL. */
const read_file = file => new Promise((done, no) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.onerror = () => no(reader.error);
  reader.readAsDataURL(file);
});
const read_url = async url => read_file(await (await fetch(url)).blob());

/* An element whose text is a word of the page, in whichever language it is. */
function spoken_as(key, e) {
  e.dataset.t = key;
  e.textContent = t(key);
  return e;
}

/* A label over its field. */
function labelled(id, key, input) {
  input.id = id;
  return make("div", {}, spoken_as(key, make("label", { htmlFor: id })), input);
}

function options_of(select, choices) {
  select.replaceChildren(...choices.map(x => Array.isArray(x) ? new Option(x[1], x[0]) : new Option(x, x)));
}

/* Whether a key with Ctrl, or the Mac's. */
const is_draw_key = e => e.key === "Enter" && (e.ctrlKey || e.metaKey);
