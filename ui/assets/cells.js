// What both the list and a server's page show of a server: status, meters, age.

import { ABSENT, ago, format } from "./units.js";

const WORDS = {
  "clock-wrong": "Clock wrong",
  late: "Late",
  offline: "Offline",
  online: "Online",
  paused: "Paused",
  waiting: "Waiting",
};

// The same thresholds as on the server.
const HIGH = 80;
const FULL = 92;

/** Shows a status on its badge. */
export function showStatus(badge, status) {
  if (!badge || !(status in WORDS) || badge.dataset.status === status) return;
  badge.dataset.status = status;
  badge.textContent = WORDS[status];
}

/** Puts the values of a report into the meters and numbers below `root` that ask for them. */
export function showValues(root, values) {
  for (const { metric, label, unit, value } of values) {
    if (label !== null && label !== undefined) continue;
    for (const element of root.querySelectorAll(`[data-metric="${CSS.escape(metric)}"]`)) {
      if (element.classList.contains("meter")) showMeter(element, value);
      else if (element.classList.contains("value")) element.textContent = format(value, unit, metric);
    }
  }
}

function showMeter(meter, value) {
  const known = typeof value === "number" && Number.isFinite(value);
  const length = known ? Math.min(100, Math.max(0, value)) : 0;
  meter.dataset.level = length >= FULL ? "full" : length >= HIGH ? "high" : "normal";
  meter.querySelector(".value").textContent = known ? format(value, "percent") : ABSENT;
  meter.querySelector(".used").setAttribute("width", length.toFixed(1));
}

/** Notes that a server was seen at `time`, which has just passed. */
export function seen(element, time) {
  if (!element || !time) return;
  element.dateTime = time;
  starts.set(element, Date.now());
  showAge(element);
}

// When each was last seen, by this machine's clock: the server's clock may differ.
const starts = new Map();

function showAge(element) {
  element.textContent = ago((Date.now() - starts.get(element)) / 1000);
}

for (const element of document.querySelectorAll("time[data-age]")) {
  starts.set(element, Date.now() - Number(element.dataset.age) * 1000);
}
setInterval(() => starts.forEach((_, element) => showAge(element)), 1000);
