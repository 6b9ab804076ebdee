// The page of a new server: the wait for the first report.

import "./copy.js";
import { follow } from "./live.js";

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
