// One server's page: charts, live values, status.

import { Chart, refreshPalette } from "./chart.js";
import { seen, showStatus, showValues } from "./cells.js";
import { follow } from "./live.js";
import { Series, highest } from "./series.js";
import { format } from "./units.js";

const POINTS = 300;
const LABELS_SHOWN = 3;
// Up to this period every report becomes a point; longer ones are loaded again as time goes on.
const LIVE_SPAN = 3600;
const TICK_MS = 5000;

const line = (metric, name, more) => ({ metric, name, ...more });

const CHARTS = {
  cpu: { unit: "percent", lines: [
    line("cpu_usage", "Usage", { area: true, range: true }),
    line("cpu_user", "User"),
    line("cpu_system", "System"),
    line("cpu_iowait", "I/O wait"),
    line("cpu_steal", "Steal", { unlessZero: true }),
  ] },
  memory: { unit: "percent", lines: [line("memory_usage", "Usage", { area: true, range: true })] },
  load: { unit: "count", lines: [line("load1", "1 min", { area: true }), line("load5", "5 min"), line("load15", "15 min")] },
  network: { unit: "bytes_per_second", labelled: true, lines: [
    line("network_received_bytes_total", "received"),
    line("network_sent_bytes_total", "sent", { dashed: true }),
  ] },
  disk: { unit: "percent", lines: [line("disk_usage", "Usage", { area: true, range: true })] },
  io: { unit: "bytes_per_second", labelled: true, lines: [
    line("disk_read_bytes_total", "read"),
    line("disk_written_bytes_total", "written", { dashed: true }),
  ] },
};

const NAMES = Object.values(CHARTS).flatMap((chart) => chart.lines.map((one) => one.metric));

const page = document.querySelector("[data-page=server]");
const section = document.querySelector("[data-charts]");
const unzoom = document.querySelector("[data-unzoom]");
const periodText = document.querySelector("[data-period]");
const server = encodeURIComponent(page.dataset.server);

// The shortest period that is drawn, in seconds.
const YOUNG = 300;

const series = new Series();
let span = 3600;
let zoom = null;
// What the dashboard's clock is ahead of this machine's, in seconds.
let skew = 0;
let loads = 0;

const now = () => Date.now() / 1000 + skew;

function period() {
  if (zoom) return zoom;
  const last = series.times[series.times.length - 1] ?? 0;
  // A host whose clock is a little ahead still has its newest point inside.
  const end = last > now() && last < now() + 60 ? last : now();
  // The first minutes of a new server fill the chart instead of a sliver at its edge.
  const known = end - (series.first() ?? end - span);
  return [end - Math.min(span, Math.max(known, YOUNG)), end];
}

// Before the first report there is nothing to draw.
section.hidden = page.dataset.status === "waiting";
const charts = new Map();
for (const figure of section.querySelectorAll("[data-chart]")) {
  const chart = new Chart(figure, CHARTS[figure.dataset.chart].unit, { period, zoomed: zoomTo });
  charts.set(figure.dataset.chart, chart);
}

async function load() {
  loads += 1;
  const mine = loads;
  const [from, to] = zoom ?? [now() - span, now()];
  const query = new URLSearchParams({
    names: NAMES.join(","),
    from: new Date(from * 1000).toISOString(),
    to: new Date(to * 1000).toISOString(),
    points: String(POINTS),
  });
  try {
    const answer = await fetch(`/api/v1/servers/${server}/metrics?${query}`, { headers: { accept: "application/json" } });
    if (answer.status === 401) return say("Your session has ended. Load the page again to log in.");
    if (!answer.ok) return say(`The charts could not be loaded (${answer.status}). They are tried again.`);
    const body = await answer.json();
    // Another period was chosen while this one was under way.
    if (mine !== loads) return undefined;
    if (notice(answer.headers.get("date"))) return load();
    series.replace(body);
    say("");
    return draw();
  } catch {
    return say("The dashboard cannot be reached. It is tried again.");
  }
}

/** Notes the dashboard's clock; true when it differs so much that the period must be asked for again. */
function notice(date) {
  const theirs = Date.parse(date ?? "") / 1000;
  if (!Number.isFinite(theirs)) return false;
  const before = skew;
  const measured = theirs - Date.now() / 1000;
  skew = Math.abs(measured) < 2 ? 0 : measured;
  return Math.abs(skew - before) > 30;
}

function say(text) {
  if (periodText.textContent !== text) periodText.textContent = text;
}

function draw() {
  for (const [name, chart] of charts) chart.draw(series.times, linesOf(CHARTS[name]));
}

function linesOf({ lines, labelled }) {
  return labelled ? labelledLines(lines) : plainLines(lines);
}

function plainLines(lines) {
  return lines.flatMap((one) => {
    const found = series.of(one.metric)[0];
    if (!found || (one.unlessZero && highest(found.average) <= 0)) return [];
    return [drawable(one, found, one.name, one.metric)];
  });
}

/** The busiest labels, each with every line of the chart. */
function labelledLines(lines) {
  const labels = [...new Set(lines.flatMap((one) => series.of(one.metric).map((found) => found.label)))];
  const busy = (label) => Math.max(...lines.map((one) => {
    const found = series.of(one.metric).find((other) => other.label === label);
    return found ? highest(found.average) : -Infinity;
  }));
  // The loopback interface says nothing about the network.
  const shown = labels.filter((label) => label !== "lo" || labels.length === 1);
  shown.sort((a, b) => busy(b) - busy(a));
  return shown.slice(0, LABELS_SHOWN).sort().flatMap((label) => lines.flatMap((one) => {
    const found = series.of(one.metric).find((other) => other.label === label);
    return found ? [drawable(one, found, `${label} ${one.name}`, found.key)] : [];
  }));
}

function drawable(one, found, name, key) {
  const range = one.range ? { min: series.drawn(found.min), max: series.drawn(found.max) } : {};
  return { key, name, metric: one.metric, area: one.area, dashed: one.dashed, values: series.drawn(found.average), ...range };
}

function zoomTo(from, to) {
  zoom = [from, to];
  unzoom.hidden = false;
  load();
}

function backToLive() {
  zoom = null;
  unzoom.hidden = true;
  load();
}

unzoom.addEventListener("click", backToLive);
section.addEventListener("dblclick", (event) => zoom && event.target.closest("[data-plot]") && backToLive());
section.addEventListener("change", (event) => {
  if (event.target.name !== "span") return;
  span = Number(event.target.value);
  backToLive();
});

// A scheme or a contrast setting that changes while the page is open.
for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
  matchMedia(query).addEventListener("change", () => {
    refreshPalette();
    charts.forEach((chart) => chart.redraw());
  });
}

const cells = new Map();
for (const cell of document.querySelectorAll("[data-cell]")) {
  cells.set(`${cell.dataset.cell} ${cell.dataset.label}`, cell);
}

function showCondition(status) {
  if (!status) return;
  showStatus(page.querySelector(".status"), status);
  for (const element of page.querySelectorAll("[data-when]")) element.hidden = element.dataset.when !== status;
}

follow(`/api/v1/live?server=${server}`, {
  values(event) {
    showCondition(event.status);
    seen(page.querySelector("time"), event.received_at);
    showValues(page, event.values);
    for (const { metric, label, unit, value } of event.values) {
      const cell = cells.get(`${metric} ${label ?? ""}`);
      if (cell) cell.textContent = format(value, unit, metric);
    }
    if (page.dataset.status === "waiting") {
      page.querySelector("[data-arrived]").hidden = false;
      section.hidden = false;
    }
    if (zoom || span > LIVE_SPAN) return;
    series.append(Date.parse(event.timestamp) / 1000, event.values.filter(({ metric }) => NAMES.includes(metric)));
    series.trim(now() - span);
    draw();
  },
  status(event) {
    showCondition(event.status);
  },
  reopened: load,
});

// Time goes on even when nothing arrives; a failed or a coarse load is repeated.
let loaded = Date.now();
setInterval(() => {
  if (document.hidden || zoom) return;
  const due = span > LIVE_SPAN ? Math.max(30, span / POINTS) : Infinity;
  const failed = periodText.textContent !== "" ? 15 : Infinity;
  if ((Date.now() - loaded) / 1000 >= Math.min(due, failed)) {
    loaded = Date.now();
    load();
  } else if (series.times.length > 0) {
    draw();
  }
}, TICK_MS);

load();
