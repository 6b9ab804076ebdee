// The values behind the charts: loaded for a period, then extended by each report.

/** The series of one server over one period, all on one axis of times. */
export class Series {
  constructor() {
    this.times = [];
    this.step = 5;
    this.byKey = new Map();
  }

  /** Takes an answer of the API in the place of everything. */
  replace(answer) {
    const from = Date.parse(answer.from) / 1000;
    const first = answer.series[0];
    const length = first ? first.average.length : 0;
    this.step = answer.step_seconds;
    this.times = Array.from({ length }, (_, index) => from + index * this.step);
    this.byKey = new Map();
    for (const series of answer.series) {
      this.byKey.set(key(series.metric, series.label), { ...series, key: key(series.metric, series.label) });
    }
  }

  /** Adds what one report says. */
  append(time, values) {
    if (this.times.length > 0 && time <= this.times[this.times.length - 1]) return;
    for (const { metric, label, unit } of values) {
      const name = key(metric, label);
      if (this.byKey.has(name)) continue;
      const nothing = () => this.times.map(() => null);
      this.byKey.set(name, { key: name, metric, label, unit, average: nothing(), min: nothing(), max: nothing() });
    }
    const given = new Map(values.map((value) => [key(value.metric, value.label), value.value]));
    this.times.push(time);
    for (const series of this.byKey.values()) {
      const value = given.has(series.key) ? given.get(series.key) : null;
      series.average.push(value);
      series.min.push(value);
      series.max.push(value);
    }
  }

  /** When the first value that is there was read; null when there is none. */
  first() {
    let first = this.times.length;
    for (const { average } of this.byKey.values()) {
      const known = average.findIndex((value) => value !== null);
      if (known >= 0 && known < first) first = known;
    }
    return this.times[first] ?? null;
  }

  /** Forgets what lies before `time`. */
  trim(time) {
    let count = 0;
    while (count < this.times.length && this.times[count] < time) count += 1;
    if (count === 0) return;
    this.times.splice(0, count);
    for (const series of this.byKey.values()) {
      series.average.splice(0, count);
      series.min.splice(0, count);
      series.max.splice(0, count);
    }
  }

  /** The series of a metric, one for each label, the busiest first. */
  of(metric) {
    const found = [...this.byKey.values()].filter((series) => series.metric === metric);
    return found.sort((a, b) => highest(b.average) - highest(a.average) || (a.key < b.key ? -1 : 1));
  }

  /**
   * The values as the chart wants them: null breaks the line, undefined does not.
   *
   * A metric that is read every 30 s lacks in the reports between; the line goes on there.
   * Where values are missing for longer than their own rhythm, there is a gap.
   */
  drawn(values) {
    const spaces = [];
    let last = -1;
    values.forEach((value, index) => {
      if (value === null) return;
      if (last >= 0) spaces.push(this.times[index] - this.times[last]);
      last = index;
    });
    spaces.sort((a, b) => a - b);
    const usual = spaces.length > 0 ? spaces[Math.floor(spaces.length / 2)] : this.step;
    const longest = Math.max(2.5 * usual, 2.5 * Math.min(this.step, 60), 15);
    const drawn = values.slice();
    last = -1;
    for (let index = 0; index < values.length; index += 1) {
      if (values[index] === null) continue;
      if (last >= 0 && this.times[index] - this.times[last] <= longest) drawn.fill(undefined, last + 1, index);
      last = index;
    }
    return drawn;
  }
}

/** The largest of the values that are there. */
export function highest(values) {
  return values.reduce((most, value) => (value !== null && value !== undefined && value > most ? value : most), -Infinity);
}

/** The newest value that is there, at or before `index`; a real gap ends the search. */
export function valueAt(values, index) {
  for (let at = Math.min(index, values.length - 1); at >= 0; at -= 1) {
    if (values[at] !== undefined) return values[at];
  }
  return null;
}

function key(metric, label) {
  return label === null || label === undefined ? metric : `${metric} ${label}`;
}
