/* The picture to start from, and the mask that a brush paints over it. */
let source = null; /* a data URL; null: none */
let strokes = [], erases = false;

function begin_with(url, open = true) {
  source = url;
  strokes = [];
  $("picture").src = url;
  $("chosen").hidden = false;
  if (open) $("start").open = true;
}

function without_picture() {
  source = null;
  strokes = [];
  $("chosen").hidden = true;
  $("file").value = "";
}

/* --- painting --- */

function paint_stroke(pen, { erase, width, points }) {
  pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
  pen.strokeStyle = "#e0218a"; /* seen on most pictures */
  pen.lineCap = pen.lineJoin = "round";
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(...points[0]);
  for (const point of points) pen.lineTo(...point);
  pen.stroke();
}

function paint_all() {
  const canvas = $("mask"), pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const stroke of strokes) paint_stroke(pen, stroke);
}

/* Where an event is on the canvas, in its pixels, and how many of them a pixel of the screen is. */
function place_of(e) {
  const box = $("mask").getBoundingClientRect(), scale = $("mask").width / Math.max(1, box.width);
  return { point: [(e.clientX - box.left) * scale, (e.clientY - box.top) * scale], scale };
}

function stroke_begins(e) {
  const { point, scale } = place_of(e);
  e.currentTarget.setPointerCapture(e.pointerId);
  strokes.push({ erase: erases || e.button === 2, width: $("brush").value * scale, points: [point] });
  paint_all();
}

function stroke_goes_on(e) {
  if (!e.buttons || !strokes.length) return;
  strokes.at(-1).points.push(place_of(e).point);
  paint_all();
}

/* The mask, white on black; null: nothing is painted. */
function mask_picture() {
  const from = $("mask");
  if (!source || !strokes.length || !from.width) return null;
  const pixels = from.getContext("2d").getImageData(0, 0, from.width, from.height).data;
  if (!pixels.some((v, i) => i % 4 === 3 && v)) return null;
  const to = make("canvas", { width: from.width, height: from.height }), pen = to.getContext("2d");
  pen.fillStyle = "#fff";
  pen.drawImage(from, 0, 0);
  pen.globalCompositeOperation = "source-in";
  pen.fillRect(0, 0, to.width, to.height);
  pen.globalCompositeOperation = "destination-over";
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, to.width, to.height);
  return to.toDataURL("image/png");
}

function begin_start() {
  const canvas = $("mask");
  $("picture").addEventListener("load", () => {
    canvas.width = $("picture").naturalWidth;
    canvas.height = $("picture").naturalHeight;
    paint_all();
  });
  $("picture").addEventListener("error", () => { if (source) { without_picture(); fail(t("file_only")); } });
  canvas.addEventListener("pointerdown", stroke_begins);
  canvas.addEventListener("pointermove", stroke_goes_on);
  canvas.addEventListener("contextmenu", e => e.preventDefault());
  $("erase").addEventListener("click", () => {
    erases = !erases;
    $("erase").setAttribute("aria-pressed", erases);
  });
  $("undo").addEventListener("click", () => { strokes.pop(); paint_all(); });
  $("clear").addEventListener("click", () => { strokes = []; paint_all(); });
  $("remove").addEventListener("click", without_picture);
  $("file").addEventListener("change", tell(async () => { if ($("file").files[0]) begin_with(await read_file($("file").files[0])); }));
}
