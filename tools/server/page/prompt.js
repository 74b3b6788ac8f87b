/* The prompts: what of them has a meaning is in colours, and their tokens are counted. */
let known_networks = new Set(), known_embeddings = [];

/* What is coloured, in the order in which it is looked for. */
const SYNTAX = /(\\[()[\]\\])|<(?:lora|lyco|hypernet):([^:>]*)[^>]*>|(#[^\n]*)|\b(AND|BREAK)\b|(:\s*[+-]?(?:\d+\.?\d*|\.\d+)(?=\s*[)\]>]))|([()[\]|])/g;

/* Text with the names of embeddings marked. */
function with_embeddings(text) {
  const out = [], lower = text.toLowerCase();
  let from = 0;
  for (let at = 0; at < text.length && known_embeddings.length;) {
    const name = known_embeddings.find(x => lower.startsWith(x, at) && !/\w/.test(text[at - 1] || " ") && !/\w/.test(text[at + x.length] || " "));
    if (!name) { at++; continue; }
    out.push(text.slice(from, at), make("span", { className: "is-embedding", textContent: text.slice(at, at + name.length) }));
    from = at += name.length;
  }
  return [...out, text.slice(from)];
}

function class_of([, escaped, network, comment, word, weight]) {
  if (network !== undefined) return known_networks.has(network) ? "is-net" : "is-net unknown";
  if (comment !== undefined) return "is-note";
  if (word !== undefined) return "is-word";
  return escaped !== undefined ? "is-note" : weight !== undefined ? "is-weight" : "is-weight";
}

function coloured(text) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(SYNTAX)) {
    out.push(...with_embeddings(text.slice(from, found.index)), make("span", { className: class_of(found), textContent: found[0] }));
    from = found.index + found[0].length;
  }
  return [...out, ...with_embeddings(text.slice(from)), "\n"];
}

function colour(area) {
  const behind = area.previousElementSibling;
  behind.replaceChildren(...coloured(area.value));
  behind.scrollTop = area.scrollTop;
}

/* "7/75", as the webui has it, and what is wrong with the prompt. */
async function count_tokens() {
  const areas = ["prompt", "negative_prompt"];
  try {
    const said = await api("v1/tokens", Object.fromEntries(areas.map(id => [id, $(id).value])));
    for (const id of areas) {
      const { tokens, room, chunks } = said[id];
      $(id + "_tokens").textContent = `${tokens}/${room}` + (chunks > 1 ? ` (${chunks} ${t("chunk")})` : "");
      $(id + "_tokens").title = `${tokens} ${t("tokens_label")} ${room}`;
    }
    $("prompt_fault").hidden = true;
  } catch (e) {
    for (const id of areas) $(id + "_tokens").textContent = "";
    $("prompt_fault").textContent = e.message;
    $("prompt_fault").hidden = false;
  }
}
const count_later = later(300, count_tokens);

function prompt_changed() {
  colour($("prompt"));
  colour($("negative_prompt"));
  count_later();
}

function set_prompts(prompt, negative) {
  $("prompt").value = prompt;
  $("negative_prompt").value = negative;
  prompt_changed();
}

/* Adds words at the end, after a comma. */
function add_to_prompt(area, words) {
  area.value = area.value.trim() ? `${area.value.trimEnd().replace(/,$/, "")}, ${words}` : words;
  prompt_changed();
  keep();
}

/* The selection, or the word at the cursor, as (selection:weight), by so much more. */
function weigh(area, by) {
  let { selectionStart: a, selectionEnd: b, value } = area;
  const inside = value.slice(0, a).match(/\(([^()]*)$/), after = value.slice(b).match(/^([^()]*?):([\d.]+)\)/);
  if (inside && after) { /* it has a weight already */
    const weight = Math.max(0, Math.round((Number(after[2]) + by) * 100) / 100), at = b + after[1].length;
    area.setRangeText(`:${weight})`, at, at + after[0].length - after[1].length, "preserve");
    return;
  }
  if (a === b) {
    while (a && /[^\s,()[\]<>:]/.test(value[a - 1])) a--;
    while (b < value.length && /[^\s,()[\]<>:]/.test(value[b])) b++;
  }
  if (a === b) return;
  area.setRangeText(`(${value.slice(a, b)}:${1 + by})`, a, b, "preserve");
  area.setSelectionRange(a + 1, b + 1);
}

function begin_prompts() {
  for (const area of [$("prompt"), $("negative_prompt")]) {
    area.addEventListener("input", prompt_changed);
    area.addEventListener("scroll", () => { area.previousElementSibling.scrollTop = area.scrollTop; });
    area.addEventListener("keydown", e => {
      if (!(e.ctrlKey || e.metaKey) || (e.key !== "ArrowUp" && e.key !== "ArrowDown")) return;
      e.preventDefault();
      weigh(area, e.key === "ArrowUp" ? 0.1 : -0.1);
      prompt_changed();
    });
  }
}
