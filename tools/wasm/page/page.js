"use strict";
/* page.js: the page around sdc. A picture is one run of the program in a worker; several pictures run in several. */

const $ = id => document.getElementById(id);
const EXAMPLES = ["a green star on a black background", "three yellow hearts", "the digit 7 in purple", "a red triangle to the left of a blue circle",
  "a house on a green hill at night", "a boat on the sea at sunset"];
const PICTURE = "picture.png", PREVIEW = "preview.png", SHEET = "steps.png", PROMPT = "prompt.txt", NEGATIVE = "negative.txt";

/* An element with properties, and what is in it. */
function make(tag, properties, ...within) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...within);
  return e;
}

/* Says what is wrong, or, without anything, no more. */
function fail(text) {
  $("error").textContent = text || "";
  $("error").hidden = !text;
}

/* --- the module --- */

/* Whether relaxed_madd is there, and rounds once: (1 + 2^-23)(1 - 2^-23) - 1 is -2^-46 then, and 0 otherwise. */
function has_fma() {
  const numbers = [1 + 2 ** -23, 1 - 2 ** -23, -1].map(x => [0xfd, 0x0c, ...new Uint8Array(new Float32Array(4).fill(x).buffer)]);
  const code = [0, ...numbers.flat(), 0xfd, 0x85, 0x02, 0xfd, 0x1b, 0, 0x0b];
  const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0,
    0x0a, code.length + 2, 1, code.length, ...code]);
  return WebAssembly.validate(bytes) && new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f() !== 0;
}

/* What pack.sh put into the page under that name. */
async function unpack(name) {
  const text = atob($(name).textContent), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/* The program as it is before the built-in model, the model, and the program after it. */
async function program(fma) {
  const kind = fma ? "page" : "page-plain", parts = await Promise.all([unpack(`${kind}-head`), unpack("model"), unpack(`${kind}-tail`)]);
  return WebAssembly.compile(await new Blob(parts).arrayBuffer());
}

/* --- runs --- */

const pool = { module: null, idle: [], busy: new Set(), waiting: [], most: Math.max(1, Math.min(navigator.hardwareConcurrency || 1, 8)) };

/* Runs sdc with these arguments on files { name: bytes }. told has `line`, `file`; resolves with its exit code and what it
 * printed; `stopped` where it was cancelled. */
function run(args, files = {}, told = {}) {
  return new Promise(done => {
    pool.waiting.push({ args, files, told, done, out: "", errors: "", made: {} });
    begin_runs();
  });
}

function begin_runs() {
  while (pool.waiting.length && pool.busy.size < pool.most) {
    const job = pool.waiting.shift();
    job.worker = pool.idle.pop() || new_worker();
    pool.busy.add(job);
    job.worker.onmessage = ({ data }) => hear(job, data);
    job.worker.onerror = e => hear(job, { fault: e.message || "the worker failed" });
    job.worker.postMessage({ args: job.args, files: job.files });
    job.told.begin?.();
  }
  $("cancel").disabled = !pool.busy.size;
}

const worker_url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));

function new_worker() {
  const worker = new Worker(worker_url);
  worker.postMessage({ module: pool.module });
  return worker;
}

function hear(job, data) {
  if (data.line !== undefined) {
    if (data.fd === 1) job.out += data.line + "\n";
    else if (data.line.startsWith("sdc: ")) job.errors += data.line.slice(5) + "\n";
    job.told.line?.(data.line);
  } else if (data.name) {
    job.made[data.name] = data.bytes;
    job.told.file?.(data.name, data.bytes);
  } else {
    pool.busy.delete(job);
    if (data.fault) {
      job.worker.terminate();
      job.errors += `The program ended: ${data.fault}\n`;
    } else pool.idle.push(job.worker);
    job.done({ code: data.fault ? 1 : data.code, out: job.out, errors: job.errors.trim(), made: job.made });
    begin_runs();
  }
}

/* Ends what runs and forgets what waits. */
function cancel() {
  const stopped = [...pool.busy, ...pool.waiting];
  for (const job of pool.busy) job.worker.terminate();
  pool.busy.clear();
  pool.waiting = [];
  for (const job of stopped) job.done({ code: 1, out: job.out, errors: "", made: {}, stopped: true });
  begin_runs();
}

/* --- pictures --- */

const png = bytes => URL.createObjectURL(new Blob([bytes], { type: "image/png" }));

/* A place among the results that shows a run: its picture as it grows, then what `finish` is given. */
function place(title) {
  const image = make("img", { alt: title, className: "blank" }), bar = make("progress", { max: 1, value: 0 });
  const said = make("span", { className: "soft", textContent: "waiting" }), caption = make("figcaption", {}, bar, said);
  const figure = make("figure", {}, image, caption);
  bar.setAttribute("aria-label", `Progress of: ${title}`);
  $("none").hidden = true;
  $("results").prepend(figure);
  let start = performance.now();
  const show = bytes => {
    if (image.src) URL.revokeObjectURL(image.src);
    image.src = png(bytes);
    image.className = "";
  };
  return {
    figure, show, seconds: () => (performance.now() - start) / 1000,
    remove: () => { figure.remove(); $("none").hidden = $("results").children.length > 1; },
    finish: (...within) => caption.replaceChildren(...within),
    told: {
      begin: () => { start = performance.now(); said.textContent = "reading the prompt"; },
      line: line => {
        const step = line.match(/step (\d+)\/(\d+)/);
        if (step) bar.value = step[1] / step[2], said.textContent = `step ${step[1]} of ${step[2]}`;
      },
      file: (name, bytes) => { if (name === PREVIEW) show(bytes); },
    },
  };
}

/* Buttons for a finished picture, and what it says. */
function about(bytes, name, text) {
  const link = make("a", { className: "button", href: png(bytes), download: name, textContent: "Save" });
  const use = make("button", { type: "button", textContent: "Use its settings", onclick: () => settings_of(bytes).catch(e => fail(e.message)) });
  return [make("div", { className: "row" }, link, use), make("details", {}, make("summary", { textContent: "What it says" }), make("pre", { textContent: text }))];
}

async function draw_one(args, files, prompt, seed, sheet) {
  const at = place(prompt);
  const done = await run(["txt2img", ...args, "--seed", String(seed), "-o", PICTURE, "--preview-out", PREVIEW, ...(sheet ? ["--steps-sheet", SHEET] : [])], files, at.told);
  const bytes = done.made[PICTURE];
  if (done.stopped || done.code || !bytes) {
    at.remove();
    if (!done.stopped) fail(done.errors || "No picture was made.");
    return;
  }
  const seconds = at.seconds(), said = await says(bytes);
  if (!said) return at.remove();
  at.show(bytes);
  at.finish(make("span", { className: "soft", textContent: `seed ${seed}, ${seconds.toFixed(2)} s` }), ...about(bytes, `${seed}.png`, said.parameters));
  at.figure.dataset.seed = seed;
  if (done.made[SHEET]) {
    at.figure.classList.add("sheeted");
    at.figure.append(make("img", { className: "sheet", src: png(done.made[SHEET]), alt: "The picture after each step" }));
  }
}

function draw() {
  fail();
  const text = $("seed").value.trim();
  if (!/^(-1|[0-9]*)$/.test(text)) return fail("The seed: a whole number, or nothing for a random one.");
  const first = text === "" || text === "-1" ? BigInt(crypto.getRandomValues(new Uint32Array(1))[0]) : BigInt(text);
  const args = ["--exact", "--steps", $("steps").value, "--cfg", $("cfg").value, "-W", $("width").value, "-H", $("height").value];
  if ($("sampler").value) args.push("--sampler", $("sampler").value);
  args.push("--negative", `@${NEGATIVE}`, "--prompt", `@${PROMPT}`);
  const files = { [NEGATIVE]: text_file($("negative").value), [PROMPT]: text_file($("prompt").value) };
  /* the first one ends up in front */
  for (let i = Number($("count").value) - 1; i >= 0; i--) draw_one(args, files, $("prompt").value, first + BigInt(i), $("sheet").checked);
}

/* Prompts go to the program as files, which may say anything: as arguments @ and - mean something of their own. */
const text_file = text => new TextEncoder().encode(text + "\n");

/* --- pictures that are dropped --- */

/* What a picture says, as sdc png-info has it; null where that was cancelled. */
async function says(bytes) {
  const done = await run(["png-info", "--json", PICTURE], { [PICTURE]: bytes });
  if (done.stopped) return null;
  if (done.code) throw new Error(done.errors || "The picture does not say how it was made.");
  return JSON.parse(done.out);
}

async function settings_of(bytes) {
  const said = await says(bytes), fields = said?.fields;
  if (!said) return;
  const values = { prompt: said.prompt, negative: said.negative_prompt, seed: fields["Seed"], steps: fields["Steps"], cfg: fields["CFG scale"],
    width: fields["Size-1"], height: fields["Size-2"], sampler: fields["Sampler"], count: 1 };
  for (const [id, value] of Object.entries(values)) if (value !== undefined) $(id).value = value;
}

async function draw_again(file) {
  fail();
  if (!pool.module) return fail("Not ready yet.");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const said = await says(bytes);
  if (!said) return;
  const at = place(said.prompt);
  const done = await run(["replay", PICTURE, "-o", "again.png"], { [PICTURE]: bytes }, at.told), again = done.made["again.png"];
  if (done.stopped || !again) {
    at.remove();
    if (!done.stopped) fail(done.errors || done.out || "No picture was made.");
    return;
  }
  at.show(again);
  const verdict = done.out.replace(/^picture\.png: /, "").trim();
  at.finish(make("p", { className: done.code ? "bad" : "good", textContent: done.code ? verdict || done.errors : `Equal to ${file.name}: every pixel is the same.` }),
    ...about(again, `again-${file.name}`, said.parameters));
  at.figure.dataset.verdict = done.code ? "different" : "equal";
}

/* --- beginning --- */

async function start() {
  for (const text of EXAMPLES) $("examples").append(make("button", { type: "button", textContent: text, onclick: () => { $("prompt").value = text; } }));
  try {
    const fma = has_fma(), begun = performance.now();
    pool.module = await program(fma);
    const listed = await run(["samplers"]);
    for (const name of listed.out.split("\n").filter(line => /^\S/.test(line))) $("sampler").append(make("option", { value: name, textContent: name }));
    $("sampler").value = "Euler a";
    $("state").textContent = `Ready after ${((performance.now() - begun) / 1000).toFixed(1)} s. Pictures are, bit by bit, those of sdc on any machine` +
      (fma ? "." : "; this browser has no fused multiply-add, which is emulated: several times slower.");
    document.body.dataset.ready = fma ? "fma" : "emulated";
    $("draw").disabled = false;
  } catch (e) {
    $("state").textContent = "Not ready";
    fail(`This browser cannot run the page: ${e.message}. It needs WebAssembly with SIMD and DecompressionStream: Chrome 91, Firefox 113, Safari 16.4 or later.`);
    return;
  }
  $("form").onsubmit = event => { event.preventDefault(); draw(); };
  $("cancel").onclick = cancel;
  $("prompt").onkeydown = event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.preventDefault(), $("form").requestSubmit($("draw"));
  };
  const take = file => draw_again(file).catch(e => fail(e.message));
  $("file").onchange = () => { if ($("file").files[0]) take($("file").files[0]); $("file").value = ""; };
  document.ondragover = event => { event.preventDefault(); document.body.classList.add("over"); };
  document.ondragleave = () => document.body.classList.remove("over");
  document.ondrop = event => {
    event.preventDefault();
    document.body.classList.remove("over");
    for (const file of event.dataTransfer.files) take(file);
  };
}
