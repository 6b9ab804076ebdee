// The page of a new server: buttons that copy, and the wait for the first report.

import { follow } from "./live.js";

const COPIED_MS = 2000;

for (const place of document.querySelectorAll("[data-copy]")) {
  const source = place.querySelector("code, input");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button copy";
  button.textContent = "Copy";
  button.addEventListener("click", () => copy(source, button));
  place.append(button);
}

async function copy(source, button) {
  const text = source instanceof HTMLInputElement ? source.value : source.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Not allowed here: then at least it is selected.
    select(source);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, COPIED_MS);
}

function select(source) {
  if (source instanceof HTMLInputElement) source.select();
  else getSelection().selectAllChildren(source);
}

const key = document.getElementById("key");
key.addEventListener("focus", () => key.select());

const page = document.querySelector("[data-page=added]");
const arrival = document.querySelector("[data-arrival]");

follow(`/api/v1/live?server=${encodeURIComponent(page.dataset.server)}`, {
  values() {
    if (arrival.dataset.arrival === "arrived") return;
    arrival.dataset.arrival = "arrived";
    arrival.querySelector("[data-arrival-text]").textContent = "First report arrived";
    arrival.querySelector("a").classList.add("primary");
  },
});
