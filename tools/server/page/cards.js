/* LoRAs and embeddings, with the pictures that lie beside their files: a click puts one into the prompt. */
let cards = { loras: [], embeddings: [] };

function card(kind, x) {
  const picture = x.preview ? make("img", { loading: "lazy", alt: "", src: `v1/cards/preview?of=${kind}&name=${encodeURIComponent(x.file)}` })
    : make("div", { className: "blank", textContent: x.name[0].toUpperCase() });
  const about = make("small", { textContent: kind === "loras" ? "LoRA" : `embedding${x.vectors ? `, ${x.vectors}` : ""}` });
  const e = make("button", { type: "button", className: "card", title: [x.description, x.words, x.notes].filter(Boolean).join("\n") },
    picture, make("span", {}, x.name, about));
  e.addEventListener("click", () => use_card(kind, x));
  return e;
}

function use_card(kind, x) {
  if (kind === "embeddings") return add_to_prompt($("prompt"), x.name);
  const weight = Number(x.weight) || 1;
  add_to_prompt($("prompt"), `<lora:${x.name}:${weight}>` + (x.words ? ` ${x.words}` : ""));
}

function show_cards() {
  const wanted = $("cards_find").value.trim().toLowerCase();
  const all = ["loras", "embeddings"].flatMap(kind => cards[kind].map(x => [kind, x]));
  const found = all.filter(([, x]) => x.file.toLowerCase().includes(wanted));
  $("cards").replaceChildren(...found.slice(0, 300).map(([kind, x]) => card(kind, x)));
  $("no_cards").hidden = all.length > 0;
  $("cards_find").hidden = !all.length;
}

function begin_cards(said) {
  cards = said;
  known_networks = new Set(cards.loras.flatMap(x => [x.name, x.file.replace(/\.[^.]*$/, "")]));
  known_embeddings = cards.embeddings.map(x => x.name.toLowerCase()).sort((a, b) => b.length - a.length);
  $("cards_find").addEventListener("input", show_cards);
  show_cards();
}
