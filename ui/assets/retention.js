// What is typed as retention, in bytes, before it is saved. The page says without this what a day takes.

import { format } from "./units.js";

const form = document.querySelector("[data-retention]");
const total = form.querySelector("[data-total]");
const fields = [...form.querySelectorAll("[data-bytes-a-day]")];

function add() {
  const bytes = fields.reduce((sum, field) => sum + (field.valueAsNumber / 24) * Number(field.dataset.bytesADay), 0);
  // A field that holds no number has no size.
  total.hidden = !Number.isFinite(bytes);
  if (!total.hidden) total.querySelector("output").textContent = format(bytes, "bytes");
}

form.addEventListener("input", add);
add();
