"use strict";
/* page.js: the page around sdc. A picture is one run of the program in a worker, and in further ones for its threads where
 * the page may have shared memory; several pictures run side by side. */

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
async function program(kind) {
  const parts = await Promise.all([unpack(`${kind}-head`), unpack("model"), unpack(`${kind}-tail`)]);
  return WebAssembly.compile(await new Blob(parts).arrayBuffer());
}

/* --- threads --- */

const RUNS = 8, THREADS = 32; /* at most: programs at once, each with its memory; threads of all of them */

/* Whether the page may have threads: its server must ask for it, and there is one module with threads. */
const may_share = fma => fma && self.crossOriginIsolated === true && typeof SharedArrayBuffer === "function";

const about_threads = fma => pool.share ? `, with ${$("threads").value} thread${$("threads").value === "1" ? "" : "s"}` : ", with one thread a picture: " + (!fma ? "more are for browsers with relaxed SIMD"
  : location.protocol === "file:" ? "pages from a disk may not have more" : "more need two headers, which this page's server does not send");

/* How many threads are wanted, by ?threads=N or as many as there are processors. */
function threads_wanted() {
  const asked = new URLSearchParams(location.search).get("threads"), most = Math.min(navigator.hardwareConcurrency || 1, THREADS);
  if (asked === null) return most;
  if (!/^[0-9]+$/.test(asked) || Number(asked) < 1 || Number(asked) > THREADS) {
    fail(`?threads=${asked}: a number of threads, 1 to ${THREADS}. There are ${most} now.`);
    return most;
  }
  return Number(asked);
}

/* --- runs --- */

/* share: whether programs have threads. */
const pool = { module: null, share: false, idle: [], busy: new Set(), waiting: [] };

/* How many threads all runs together may have. */
const threads_at_once = () => pool.share ? Number($("threads").value) || 1 : Math.min(navigator.hardwareConcurrency || 1, RUNS);

/* Each one's share where so many pictures are drawn. */
const threads_for = pictures => pool.share ? Math.max(1, Math.floor(threads_at_once() / Math.min(pictures, RUNS))) : 1;

/* Runs sdc with these arguments on files { name: bytes }, with so many threads. told has `line`, `file`; resolves with its
 * exit code and what it printed; `stopped` where it was cancelled. */
function run(args, files = {}, told = {}, threads = 1) {
  return new Promise(done => {
    pool.waiting.push({ args, files, told, threads, done, out: "", errors: "", made: {} });
    begin_runs();
  });
}

function begin_runs() {
  let used = 0;
  for (const job of pool.busy) used += job.threads;
  while (pool.waiting.length && (!used || (pool.busy.size < RUNS && used + pool.waiting[0].threads <= threads_at_once()))) {
    const job = pool.waiting.shift();
    job.workers = new Set();
    pool.busy.add(job);
    used += job.threads;
    employ(job, { args: job.args, files: job.files, threads: job.threads });
    job.told.begin?.();
  }
  $("cancel").disabled = !pool.busy.size;
}

const worker_url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));

/* Has a worker do a part of a job: its program, or one of the threads. */
function employ(job, what) {
  let worker = pool.idle.pop();
  if (!worker) {
    worker = new Worker(worker_url);
    worker.postMessage({ module: pool.module });
  }
  worker.onmessage = ({ data }) => hear(job, worker, data);
  worker.onerror = e => hear(job, worker, { fault: e.message || "the worker failed" });
  job.workers.add(worker);
  worker.postMessage(what);
}

function hear(job, worker, data) {
  if (data.line !== undefined) {
    if (data.fd === 1) job.out += data.line + "\n";
    else if (data.line.startsWith("sdc: ")) job.errors += data.line.slice(5).replace(/; see sdc help \S+$/, "") + "\n";
    job.told.line?.(data.line);
  } else if (data.name) {
    job.made[data.name] = data.bytes;
    job.told.file?.(data.name, data.bytes);
  } else if (data.thread) employ(job, { thread: data.thread });
  else {
    if (!data.fault) job.workers.delete(worker), pool.idle.push(worker);
    if (data.ended || !pool.busy.has(job)) return;
    if (data.fault) job.errors += `The program ended: ${data.fault}\n`;
    end_run(job, { code: data.fault ? 1 : data.code, out: job.out, errors: job.errors.trim(), made: job.made }, data.fault ? 0 : PATIENCE);
    begin_runs();
  }
}

const PATIENCE = 1000; /* ms that a thread has to tell that it has ended, once its program has */

/* Ends the workers that a job still has. */
function end_run(job, result, patience = 0) {
  const end = () => { for (const worker of job.workers ?? []) worker.terminate(); };
  if (patience) setTimeout(end, patience);
  else end();
  pool.busy.delete(job);
  job.done(result);
}

/* Ends what runs and forgets what waits. */
function cancel() {
  const stopped = [...pool.busy, ...pool.waiting];
  pool.waiting = [];
  for (const job of stopped) end_run(job, { code: 1, out: job.out, errors: "", made: {}, stopped: true });
  begin_runs();
}

/* --- pictures --- */

const NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="; /* one transparent pixel */

const png = bytes => URL.createObjectURL(new Blob([bytes], { type: "image/png" }));

/* A place among the results that shows a run: its picture as it grows, then what `finish` is given. */
function place(title) {
  const image = make("img", { alt: title, className: "blank", src: NO_PICTURE }), bar = make("progress", { max: 1, value: 0 });
  const said = make("span", { className: "soft", textContent: "waiting" }), caption = make("figcaption", {}, bar, said);
  const figure = make("figure", {}, image, caption);
  bar.setAttribute("aria-label", `Progress of: ${title}`);
  $("none").hidden = true;
  $("results").prepend(figure);
  let start = performance.now();
  const show = bytes => {
    URL.revokeObjectURL(image.src);
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

async function draw_one(args, files, prompt, seed, sheet, threads) {
  const at = place(prompt);
  const done = await run(["txt2img", ...args, "--seed", String(seed), "-o", PICTURE, "--preview-out", PREVIEW, ...(sheet ? ["--steps-sheet", SHEET] : [])], files, at.told, threads);
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
  const count = Number($("count").value);
  for (let i = count - 1; i >= 0; i--) draw_one(args, files, $("prompt").value, first + BigInt(i), $("sheet").checked, threads_for(count));
}

/* Prompts go to the program as files, which may say anything: as arguments @ and - mean something of their own. */
const text_file = text => new TextEncoder().encode(text + "\n");

/* --- pictures that are dropped --- */

/* What a picture of that name says, as sdc png-info has it; null where that was cancelled. */
async function says(bytes, name = "The picture") {
  const done = await run(["png-info", "--json", PICTURE], { [PICTURE]: bytes });
  if (done.stopped) return null;
  if (done.code) throw new Error(done.errors.replace(PICTURE, name));
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
  const said = await says(bytes, file.name);
  if (!said) return;
  const { "Model hash": hash, Model: model } = said.fields;
  if (hash && hash !== MODEL) return fail(`${file.name}: was drawn by another model, ${model ?? hash}; this page has its own one only.`);
  const at = place(said.prompt);
  const done = await run(["replay", PICTURE, "-o", "again.png"], { [PICTURE]: bytes }, at.told, threads_for(1)), again = done.made["again.png"];
  if (done.stopped || !again) {
    at.remove();
    if (!done.stopped) fail((done.errors || done.out || "No picture was made.").replaceAll(PICTURE, file.name));
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
    pool.share = may_share(fma);
    if (pool.share) $("threads").value = threads_wanted();
    $("threads").disabled = !pool.share;
    pool.module = await program(pool.share ? "page-threads" : fma ? "page" : "page-plain");
    const listed = await run(["samplers"]);
    for (const name of listed.out.split("\n").filter(line => /^\S/.test(line))) $("sampler").append(make("option", { value: name, textContent: name }));
    $("sampler").value = "Euler a";
    $("state").textContent = `Ready after ${((performance.now() - begun) / 1000).toFixed(1)} s${about_threads(fma)}. ` +
      "Pictures are, bit by bit, those of sdc on any machine" +
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
