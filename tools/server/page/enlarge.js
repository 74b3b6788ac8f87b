/* Enlarging a picture. */
const enlarged = [];
let small = null; /* a data URL */

function enlarge_this(url) {
  small = url;
  $("enlarge_from").src = url;
  $("enlarge_from").hidden = false;
  $("enlarge").disabled = false;
}

async function enlarge() {
  fail();
  $("enlarge").disabled = true;
  $("enlarge_state").textContent = t("working");
  try {
    const said = await api("sdapi/v1/extra-single-image", { image: small, upscaler_1: $("upscaler").value, upscaling_resize: $("enlarge_scale").value });
    const bytes = Uint8Array.from(atob(said.image), c => c.charCodeAt(0)), blob = new Blob([bytes], { type: "image/png" }), image = await createImageBitmap(blob);
    $("enlarged").prepend(figure(enlarged, URL.createObjectURL(blob), "", `${image.width}x${image.height}, ${$("upscaler").value}`));
    fail(said.warnings?.join("\n"));
  } finally {
    $("enlarge").disabled = false;
    $("enlarge_state").textContent = "";
  }
}

function begin_enlarge(upscalers) {
  options_of($("upscaler"), upscalers.map(x => x.name).filter(name => name !== "None"));
  $("enlarge").addEventListener("click", tell(enlarge));
  $("enlarge_file").addEventListener("change", tell(async () => { if ($("enlarge_file").files[0]) enlarge_this(await read_file($("enlarge_file").files[0])); }));
}
