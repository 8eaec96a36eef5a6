// Where the reader is: everything stands behind the hash, so that a link to it can be kept and sent.

export type Query = Record<string, string>;
export interface Route {
  /** one of `VIEWS` */
  view: string;
  /** what follows the view: a path of marks, a job's id */
  rest: string[];
  query: Query;
}

export const VIEWS = ["topology", "jobs", "submit", "slots", "scaling", "events"];

/** Reads `#/jobs/ID?state=dead`; what it does not know is the topology. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter(Boolean).map(decode);
  const view = VIEWS.includes(parts[0] ?? "") ? parts[0]! : "topology";
  const query: Query = {};
  new URLSearchParams(search).forEach((value, name) => { if (value) query[name] = value; });
  return { view, rest: parts.slice(1), query };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The inverse: a link. Empty values of the query are left out. */
export function linkTo(view: string, rest: readonly string[] = [], query: Query = {}): string {
  const path = [view, ...rest.map(encodeURIComponent)].join("/");
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${path}${search ? `?${search}` : ""}`;
}

/** A link to a mark of the topology: `ID/slot/slot-3`. */
export function linkToMark(path: string): string {
  return linkTo("topology", path ? path.split("/") : []);
}
