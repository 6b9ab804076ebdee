// Values as people read them. src/format.rs says the same on the server.

export const ABSENT = "–";

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** A metric's value in its unit's words. */
export function format(value, unit, metric = "") {
  if (typeof value !== "number" || !Number.isFinite(value)) return ABSENT;
  if (metric.startsWith("load")) return decimals(value, 2);
  switch (unit) {
    case "bytes": return bytes(value);
    case "bytes_per_second": return `${bytes(value)}/s`;
    case "count": return count(value);
    case "per_second": return `${count(value)}/s`;
    case "percent": return `${decimals(value, 1)} %`;
    case "percent_per_second": return `${decimals(value, 1)} %/s`;
    case "seconds": return duration(value);
    case "seconds_per_second": return `${decimals(value, 2)} s/s`;
    default: return `${count(value)} ${unit}`;
  }
}

/** How long ago something was: `4 s ago`. */
export function ago(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s ago`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ago`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ago`;
  return `${Math.floor(whole / 86400)} d ago`;
}

function bytes(value) {
  let scaled = value;
  let unit = 0;
  // 1023.6 would be written 1024, so it already belongs to the next unit.
  while (scaled >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${decimals(scaled, unit > 0 && scaled < 99.95 ? 1 : 0)} ${BYTE_UNITS[unit]}`;
}

function count(value) {
  return decimals(value, Number.isInteger(value) ? 0 : 2);
}

function duration(value) {
  const seconds = Math.max(0, Math.round(value));
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

function decimals(value, places) {
  // Adding zero turns -0 into 0.
  return (value + 0).toFixed(places);
}
