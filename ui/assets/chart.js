// One chart: a uPlot with our own legend, which is text that everybody can read.

import { ABSENT, format } from "./units.js";
import { highest, valueAt } from "./series.js";

const COLOURS = 6;
// A value that is older than that is not shown as the newest.
const NEW_SECONDS = 120;
const AREA_ALPHA = "26";
const RANGE_ALPHA = "2e";
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const moment = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

let palette = readPalette();

/** Reads the colours again, after the scheme has changed. */
export function refreshPalette() {
  palette = readPalette();
}

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    axis: read("--chart-axis"),
    grid: read("--chart-grid"),
    font: `11px ${read("--sans")}`,
    series: Array.from({ length: COLOURS }, (_, index) => read(`--series-${index + 1}`)),
  };
}

/** A chart in a figure of the page. */
export class Chart {
  /** `period()` gives the ends of the time axis; `zoomed(from, to)` is told what was selected. */
  constructor(figure, unit, { period, zoomed }) {
    this.figure = figure;
    this.unit = unit;
    this.period = period;
    this.zoomed = zoomed;
    this.plot = figure.querySelector("[data-plot]");
    this.legend = figure.querySelector("[data-legend]");
    this.at = figure.querySelector("[data-at]");
    this.name = figure.querySelector("h3").textContent;
    this.lines = [];
    this.hidden = new Set();
    this.uplot = null;
    new ResizeObserver(() => this.resize()).observe(this.plot);
    this.plot.addEventListener("keydown", (event) => this.step(event));
    this.plot.addEventListener("blur", () => this.uplot && this.uplot.setCursor({ left: -10, top: -10 }));
  }

  /**
   * Draws lines `{ key, name, values, min, max, area, dashed }` over `times`.
   * With `min` and `max` the range of each step is shaded behind the line.
   */
  draw(times, lines) {
    const identity = (some) => some.map((line) => line.key).join("\n");
    const same = this.uplot && identity(lines) === identity(this.lines);
    this.lines = lines;
    const some = lines.some((line) => line.values.some((value) => typeof value === "number"));
    this.figure.querySelector("[data-none]").hidden = some;
    const data = [times, ...lines.map((line) => line.values)];
    for (const line of lines.filter(hasRange)) data.push(line.max, line.min);
    if (same) {
      this.uplot.setData(data);
    } else {
      if (this.uplot) this.uplot.destroy();
      this.uplot = new uPlot(this.options(lines), data, this.plot);
      this.buildLegend();
    }
    this.describe();
    this.read();
  }

  /** Draws the same again, in the colours of now. */
  redraw() {
    if (this.uplot) this.uplot.redraw();
  }

  /** Says in words what the picture shows. */
  describe() {
    const parts = this.lines.map((line) => {
      const now = format(valueAt(line.values, this.newest(line.values)), this.unit, line.metric);
      return `${line.name} now ${now}, highest ${format(highest(line.values), this.unit, line.metric)}`;
    });
    this.plot.setAttribute("aria-label", `${this.name}. ${parts.join(". ") || "No values"}.`);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (this.uplot && width > 0) this.uplot.setSize({ width, height });
  }

  /** Moves the cursor with the arrow keys. */
  step(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || !this.uplot) return;
    event.preventDefault();
    const times = this.uplot.data[0];
    const now = this.uplot.cursor.idx;
    const index = Math.min(times.length - 1, Math.max(0, (now ?? times.length) + move * (event.shiftKey ? 10 : 1)));
    this.uplot.setCursor({ left: this.uplot.valToPos(times[index], "x"), top: 0 });
  }

  /** Shows the values at the cursor, or the newest. */
  read() {
    const index = this.uplot.cursor.idx;
    const pointed = index !== null && index !== undefined;
    this.at.textContent = pointed ? this.timeText(this.uplot.data[0][index]) : "";
    this.lines.forEach((line, position) => {
      const shown = this.legend.children[position];
      if (!shown) return;
      const value = valueAt(line.values, pointed ? index : this.newest(line.values));
      shown.querySelector(".value").textContent = value === null ? ABSENT : format(value, this.unit, line.metric);
    });
  }

  /** Where the newest value is: what is read seldom has none at the very end, and what is long gone is not new. */
  newest(values) {
    const times = this.uplot.data[0];
    let index = values.length - 1;
    while (index > 0 && typeof values[index] !== "number" && times.at(-1) - times[index] < NEW_SECONDS) index -= 1;
    return index;
  }

  timeText(time) {
    const [from, to] = this.period();
    return (to - from > 86400 ? moment : seconds).format(new Date(time * 1000));
  }

  buildLegend() {
    this.legend.replaceChildren(...this.lines.map((line, index) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const swatch = document.createElement("span");
      const name = document.createElement("span");
      const value = document.createElement("span");
      button.type = "button";
      button.title = "Show or hide";
      button.setAttribute("aria-pressed", String(!this.hidden.has(line.key)));
      button.addEventListener("click", () => this.toggle(line.key, index, button));
      swatch.className = "swatch";
      swatch.dataset.series = String((index % COLOURS) + 1);
      swatch.dataset.dashed = String(Boolean(line.dashed));
      name.className = "name";
      name.textContent = line.name;
      value.className = "value";
      button.append(swatch, name, value);
      item.append(button);
      return item;
    }));
  }

  toggle(key, index, button) {
    const show = this.hidden.has(key);
    if (show) this.hidden.delete(key);
    else this.hidden.add(key);
    button.setAttribute("aria-pressed", String(show));
    this.uplot.setSeries(index + 1, { show });
  }

  options(lines) {
    const colour = (index) => () => palette.series[index % COLOURS];
    const series = lines.map((line, index) => ({
      show: !this.hidden.has(line.key),
      stroke: colour(index),
      width: line.area ? 1.75 : 1.5,
      dash: line.dashed ? [5, 4] : undefined,
      fill: line.area ? () => palette.series[index % COLOURS] + AREA_ALPHA : undefined,
      points: { show: false },
    }));
    const bands = [];
    lines.forEach((line, index) => {
      if (!hasRange(line)) return;
      const edge = { stroke: "transparent", width: 0, points: { show: false } };
      const upper = series.push(edge, { ...edge }) - 1;
      bands.push({ series: [upper, upper + 1], fill: () => palette.series[index % COLOURS] + RANGE_ALPHA });
    });
    return {
      width: this.plot.clientWidth,
      height: this.plot.clientHeight,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      cursor: {
        // Only the pointer's place is shared; a selection belongs to the chart it was made in.
        sync: { key: "server", filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        drag: { x: true, y: false, setScale: false },
        points: {
          size: 7,
          show: (_, index) => (index <= lines.length ? undefined : false),
          fill: (_, index) => palette.series[(index - 1) % COLOURS],
          stroke: (_, index) => palette.series[(index - 1) % COLOURS],
        },
      },
      scales: {
        x: { time: true, range: () => this.period() },
        y: { range: (_, low, high) => (this.unit === "percent" ? [0, 100] : [0, roomAbove(high, this.unit)]) },
      },
      series: [{}, ...series],
      bands,
      axes: [
        { ...axis(), space: 64, size: 28, values: (_, splits, __, ___, step) => splits.map((time) => tick(time, step)) },
        {
          ...axis(),
          size: 70,
          space: 34,
          incrs: this.unit.startsWith("bytes") ? BYTE_STEPS : undefined,
          values: (_, splits) => splits.map((value) => axisText(value, this.unit)),
        },
      ],
      hooks: {
        setCursor: [() => this.uplot && this.read()],
        setSelect: [(plot) => this.select(plot)],
      },
    };
  }

  select(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    const from = plot.posToVal(left, "x");
    const to = plot.posToVal(left + width, "x");
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomed(from, to);
  }
}

function hasRange(line) {
  return Boolean(line.min && line.max);
}

function axis() {
  return {
    stroke: () => palette.axis,
    font: palette.font,
    gap: 6,
    grid: { stroke: () => palette.grid, width: 1 },
    ticks: { show: false },
  };
}

function roomAbove(high, unit) {
  const least = unit === "bytes_per_second" ? 1024 : 1;
  return Math.max(least, Number.isFinite(high) ? high * 1.1 : 0);
}

function tick(time, step) {
  const date = new Date(time * 1000);
  if (step >= 86400 || (date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0)) return day.format(date);
  return (step < 60 ? seconds : clock).format(date);
}

function axisText(value, unit) {
  if (value === 0) return "0";
  if (unit === "count") return String(value);
  return format(value, unit).replace(/\.0(?= )/, "");
}
