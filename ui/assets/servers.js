// The list of servers, kept current.

import { seen, showStatus, showValues } from "./cells.js";
import { follow } from "./live.js";

const rows = new Map();
for (const row of document.querySelectorAll("tr[data-server]")) rows.set(row.dataset.server, row);

function update(row, status) {
  if (!status || row.dataset.status === status) return;
  row.dataset.status = status;
  showStatus(row.querySelector(".status"), status);
  for (const tally of document.querySelectorAll("[data-tally]")) {
    let number = 0;
    for (const other of rows.values()) number += other.dataset.status === tally.dataset.tally ? 1 : 0;
    tally.hidden = number === 0;
    tally.querySelector("b").textContent = String(number);
  }
}

/** Marks a server whose agent has just said how it runs. */
function protect(row, values) {
  const said = values.find((value) => value.metric === "agent_confined");
  if (said) row.querySelector(".unprotected").hidden = said.value === 1;
}

follow("/api/v1/live", {
  values(event) {
    const row = rows.get(event.server);
    if (!row) return;
    update(row, event.status);
    showValues(row, event.values);
    protect(row, event.values);
    seen(row.querySelector("time"), event.received_at);
  },
  status(event) {
    const row = rows.get(event.server);
    if (row) update(row, event.status);
  },
});
