// The stream of what arrives. The browser reconnects by itself after a short loss;
// when the answer was an error it gives up, and then we try again, slower each time.

const FIRST_RETRY_MS = 5000;
const LAST_RETRY_MS = 120000;
const HIDDEN_MS = 60000;

/**
 * Follows `path`. `values` and `status` get each event's data; `reopened` is called after a loss,
 * when what was missed must be loaded.
 */
export function follow(path, { values, status, reopened }) {
  let source = null;
  let opened = false;
  let wait = FIRST_RETRY_MS;
  let timer = 0;

  function open() {
    clearTimeout(timer);
    if (source) return;
    source = new EventSource(path);
    source.addEventListener("open", () => {
      wait = FIRST_RETRY_MS;
      show("live", "Live");
      if (opened && reopened) reopened();
      opened = true;
    });
    source.addEventListener("values", (event) => values && values(JSON.parse(event.data)));
    source.addEventListener("status", (event) => status && status(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      show("lost", "Reconnecting");
      if (!source || source.readyState !== EventSource.CLOSED) return;
      close();
      // Spread out, so that many pages do not come back at once.
      timer = setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LAST_RETRY_MS);
    });
  }

  function close() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  // A page that nobody looks at needs no stream.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(close, HIDDEN_MS);
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

function show(state, text) {
  const element = document.querySelector("[data-live]");
  if (!element || element.dataset.state === state) return;
  element.hidden = false;
  element.dataset.state = state;
  element.textContent = text;
}
