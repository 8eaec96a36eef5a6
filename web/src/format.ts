// Numbers, times and names as people read them. Pure.

/** "seconds_per_picture" -> "Seconds per picture" */
export function words(name: string): string {
  const text = name.replace(/[_-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const digits = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 12345 -> "12,345" */
export function count(value: number): string {
  return digits.format(value);
}

/** A rate per second, with as many digits as mean something: 0, 0.04, 3.2, 45, 1,230 */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return "–";
  if (perSecond < 0.005) return "0";
  if (perSecond < 1) return perSecond.toFixed(2);
  if (perSecond < 10) return perSecond.toFixed(1);
  return digits.format(perSecond);
}

/** A share as per cent: 0.042 -> "4 %" */
export function percent(share: number | null): string {
  if (share === null) return "–";
  return share > 0 && share < 0.01 ? "< 1 %" : `${Math.round(share * 100)} %`;
}

/** A span of seconds with the unit that fits: 0.0000123 -> "12 µs", 95 -> "1 min 35 s" */
export function seconds(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value < 1e-6) return "0 µs";
  if (value < 1e-3) return `${trim(value * 1e6)} µs`;
  if (value < 1) return `${trim(value * 1e3)} ms`;
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 60) return `${Math.round(value)} s`;
  if (value < 3600) return two(Math.floor(value / 60), "min", Math.floor(value % 60), "s");
  return two(Math.floor(value / 3600), "h", Math.floor((value % 3600) / 60), "min");
}

function two(many: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${many} ${unit}` : `${many} ${unit} ${rest} ${restUnit}`;
}

function trim(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value));
}

/** Of a clock that has no less: 0 is no microseconds. */
export function milliseconds(value: number): string {
  return value < 1 ? "0 ms" : seconds(value / 1000);
}

/** How long ago a moment was. */
export function ago(time: string, now: number): string {
  const passed = Math.max(0, (now - Date.parse(time)) / 1000);
  if (passed < 5) return "just now";
  if (passed < 90) return `${Math.round(passed)} s ago`;
  if (passed < 5400) return `${Math.round(passed / 60)} min ago`;
  if (passed < 129600) return `${Math.round(passed / 3600)} h ago`;
  return `${Math.round(passed / 86400)} d ago`;
}

/** A moment of today as a time, an older one with its day. In the reader's time zone. */
export function moment(time: string | number, now = Date.now()): string {
  const at = new Date(time);
  const clock = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date(now).toDateString() ? clock : `${at.toLocaleDateString("en-GB")} ${clock}`;
}

/** The end of an id, where the ids of a run differ. */
export function shortId(id: string): string {
  return `…${id.slice(-6)}`;
}

export function plural(many: number, one: string, more = `${one}s`): string {
  return `${count(many)} ${many === 1 ? one : more}`;
}

/** "1.3 MB" */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let size = value / 1000;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}
