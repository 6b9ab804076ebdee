// Pages that show something once: buttons that copy.

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

for (const field of document.querySelectorAll("[data-copy] input")) {
  field.addEventListener("focus", () => field.select());
}
