/* The queue: jobs that wait or are drawn, with what of them is there already. */
const jobs = new Map(); /* by id: {id, box, parts, events, ended, done, fail}, in the order of asking */
const results = [];
const MOST_WATCHED = 3; /* streams of events at a time: a browser has few connections to a server */

/* What is shown of a job. */
function job_box(job, title) {
  const parts = { blank: make("div", { className: "blank" }), image: make("img", { alt: "", hidden: true }), title: make("p", { textContent: title }),
    state: make("p", { className: "soft" }), progress: make("progress", { max: 1, value: 0, ariaLabel: title || t("queue") }),
    cancel: spoken_as("cancel", make("button", { type: "button", title })) };
  parts.cancel.addEventListener("click", tell(() => cancel_job(job)));
  job.parts = parts;
  job.box = make("div", { className: "job" }, make("div", {}, parts.blank, parts.image), make("div", {}, parts.title, parts.state, parts.progress), parts.cancel);
  $("jobs").append(job.box);
}

function says(state) {
  if (state.state === "queued") return `${t("queued")}${state.position ? `, ${t("place")} ${state.position}` : ""}`;
  if (state.state !== "generating") return t(state.state);
  const batch = state.batches > 1 ? `, ${t("batch")} ${state.batch + 1} ${t("of")} ${state.batches}` : "";
  return state.stage === "sample" ? `${t("generating")}, ${t("step")} ${state.step} ${t("of")} ${state.steps}${batch}` : t("stage_" + state.stage) + batch;
}

function say_job(job, state) {
  job.parts.state.textContent = says(state);
  job.parts.progress.value = state.progress || 0;
  job.box.classList.toggle("working", state.state === "generating");
}

function show_preview(job, { image }) {
  job.parts.image.src = "data:image/png;base64," + image;
  job.parts.image.hidden = false;
  job.parts.blank.hidden = true;
}

function show_queue() {
  $("idle").hidden = jobs.size > 0;
  $("cancel_all").hidden = jobs.size < 2;
  document.title = jobs.size ? `(${jobs.size}) sd.c` : "sd.c";
}

/* --- watching --- */

/* Listens to the first few jobs that are not listened to yet. */
function watch_next() {
  let watched = 0;
  for (const job of jobs.values()) {
    if (watched++ >= MOST_WATCHED) return;
    if (!job.events) watch(job);
  }
}

function watch(job) {
  job.events = new EventSource(`v1/jobs/${job.id}/events`);
  const on = (name, action) => job.events.addEventListener(name, e => action(JSON.parse(e.data)));
  on("progress", state => say_job(job, state));
  on("preview", preview => show_preview(job, preview));
  for (const state of ["completed", "failed", "cancelled"]) on(state, said => job_ended(job, { state, ...said }));
  on("stopped", () => job_ended(job, { state: "stopped", error: t("stopped") }));
  job.events.addEventListener("error", () => { /* else it tries again by itself */
    if (job.events.readyState === EventSource.CLOSED) job_ended(job, { state: "failed", error: t("lost") });
  });
}

function job_ended(job, said) {
  if (!jobs.delete(job.id)) return;
  job.events.close();
  job.box.remove();
  if (said.error && said.state !== "cancelled") fail(said.error);
  if (said.state === "completed") job.done(said);
  else job.fail(new Error(said.error || t(said.state)));
  show_queue();
  watch_next();
}

/* Shows a job that the server has. Its `ended` resolves to what it says when it is done. */
function add_job(id, title) {
  const job = { id };
  job.ended = new Promise((done, no) => Object.assign(job, { done, fail: no }));
  job.ended.catch(() => {}); /* whoever waits for it hears of it */
  jobs.set(id, job);
  job_box(job, title);
  say_job(job, { state: "queued", position: jobs.size - 1 });
  show_queue();
  watch_next();
  return job;
}

function show_results(said) {
  const figures = said.pictures.map(p => figure(results, p.url.slice(1), p.infotext, `${t("seed")} ${p.seed}, ${p.width}x${p.height}`));
  $("results").prepend(...figures);
  $("no_results").hidden = true;
}

/* --- asking --- */

const cancel_job = job => api(`v1/jobs/${job.id}/cancel`, {}).catch(e => { if (e.status !== 409) throw e; });
const cancel_all = () => Promise.all([...jobs.values()].reverse().map(cancel_job));

/* Puts a body into the queue, when there is a place. */
async function submit(body, title) {
  for (;;) {
    try {
      const job = await api("v1/jobs", body);
      sessionStorage[job.id] = title;
      fail(job.warnings?.join("\n"));
      return add_job(job.id, title);
    } catch (e) {
      if (e.status !== 503 && e.status !== 429) throw e;
      fail(t("full"));
      await pause(1500);
    }
  }
}

async function draw() {
  fail();
  keep();
  const body = job_body();
  const job = await submit(body, body.prompt);
  show_results(await job.ended);
}

/* After a page is loaded again: jobs that were asked for, and the last pictures. */
async function adopt_jobs() {
  const all = (await api("v1/jobs")).jobs.reverse();
  for (const job of all.filter(x => x.state === "completed").slice(-12)) show_results(job);
  for (const job of all.filter(x => x.state === "queued" || x.state === "generating")) add_job(job.id, sessionStorage[job.id] || job.id).ended.then(show_results, () => {});
}

function begin_queue() {
  const asks = tell(() => draw().catch(e => { if (e.message !== t("cancelled")) throw e; }));
  $("form").addEventListener("submit", e => { e.preventDefault(); asks(); });
  document.addEventListener("keydown", e => {
    if (!is_draw_key(e) || $("draw_view").hidden || $("viewer").open) return;
    e.preventDefault();
    asks();
  });
  $("form").addEventListener("keydown", e => { if (e.key === "Enter" && e.target.matches("input")) e.preventDefault(); }); /* that draws nothing unasked */
  $("cancel_all").addEventListener("click", tell(cancel_all));
}
