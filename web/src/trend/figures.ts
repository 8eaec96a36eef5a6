// The figures whose course is kept, made of the answers that the page gets anyway. Pure: answers and times come in, and what is worth asking goes out.
import type { Cluster, JobPage, NodeState } from "../api/types";
import { Arrivals, type Counter, pace, PerMinute, Traffic } from "./counts";
import { Ring, type Series } from "./ring";

export const NAMES = ["queued", "ready", "busy", "ended", "failing", "messages"] as const;
export type Name = (typeof NAMES)[number];

/** Of a list of jobs so many are asked for. */
export const LISTED = 100;
export const NODE = "/v1/node";
export const CLUSTER = "/v1/cluster";
export const NEWEST = `/v1/jobs?limit=${LISTED}`;
export const DEAD = `/v1/jobs?state=dead&limit=${LISTED}`;
export const FAILED = `/v1/jobs?state=failed&limit=${LISTED}`;
export const ACTORS = "/v1/actors";

/** What no view has asked for so many ms is asked for the trend; the frame of the page asks for the cluster a little earlier. The messages come with the
    marks where these are live. */
const EVERY: Record<string, number> = { [NEWEST]: 5000, [NODE]: 5000, [CLUSTER]: 12_000, [DEAD]: 10_000, [FAILED]: 10_000, [ACTORS]: 10_000 };
/** To list the jobs of a state a node looks through so many of the newest (`list_scan_most`): with more unended ones, those that end now are not among them. */
const SEEN = 1000;
/** At first, and after a silence, the views ask before the trend does. */
const FIRST_MS = 1500;
/** Nothing was kept for so long: the page, or the whole machine, stood still. */
const STANDSTILL_MS = 15_000;
/** So long a figure holds beyond the time at which it should have been heard again. */
const GRACE = 3000;
const HOLDS: Record<Name, number> = {
  queued: EVERY[NODE]! + GRACE, ready: EVERY[NODE]! + GRACE, busy: EVERY[CLUSTER]! + GRACE, ended: EVERY[NEWEST]! + GRACE,
  failing: EVERY[DEAD]! + GRACE, messages: EVERY[ACTORS]! + GRACE,
};

export interface Course extends Series {
  name: Name;
  /** what it cannot be more than: of slots at work, all slots; null: there is no such number */
  ceiling: number | null;
}

/** What is counted from look to look; after a silence it begins anew. */
class Counting {
  readonly newest = new Arrivals(LISTED);
  readonly failures = { [DEAD]: new Arrivals(LISTED), [FAILED]: new Arrivals(LISTED) };
  readonly ended = new PerMinute();
  readonly traffic = new Traffic();
  failing = new PerMinute();
  failed = 0;
  unended = 0;
  submitted = 0;
  newestAt = -Infinity;
  /** more came at once than a list shows */
  isShort = false;
  endedAtLeast = -Infinity;
}

export class Figures {
  private readonly ring = new Ring(NAMES.length);
  private readonly latest = new Map<Name, { value: number; at: number }>();
  private readonly dueAt = new Map<string, number>();
  private counting = new Counting();
  private slots: number | null = null;
  private keptAt: number;

  constructor(now: number) {
    this.keptAt = now;
    this.fallSilent(now);
  }

  /** Takes the answer to a request, whoever asked. */
  heard(path: string, data: unknown, now: number): void {
    if (EVERY[path] === undefined) return;
    this.ask(path, now);
    if (path === NODE) this.takeNode(data as NodeState, now);
    else if (path === CLUSTER) this.takeCluster(data as Cluster, now);
    else if (path === NEWEST) this.takeNewest(data as JobPage, now);
    else if (path === DEAD || path === FAILED) this.takeFailures(path, data as JobPage, now);
    else this.heardCounters(data as { at: string; marks: Counter[] }, now);
  }

  private takeNode(node: NodeState, now: number): void {
    this.set("queued", node.jobs_queued, now);
    this.set("ready", node.tasks_ready, now);
    this.countEnded(node.jobs_queued + node.jobs_running, now);
  }

  /** Nobody says how many jobs have ended: of those that came, at least those that are not among the unended ones, which are counted later. */
  private countEnded(unended: number, now: number): void {
    const { counting } = this;
    counting.unended = unended;
    if (now - counting.newestAt > EVERY[NEWEST]! + GRACE) return;
    // What has ended does not become less: if it seems so, more came than was seen.
    if (counting.isShort) counting.submitted = Math.max(counting.submitted, counting.endedAtLeast + unended);
    counting.isShort = false;
    counting.endedAtLeast = Math.max(counting.endedAtLeast, counting.submitted - unended);
    this.set("ended", counting.ended.take(now, counting.endedAtLeast), now);
  }

  private takeCluster(cluster: Cluster, now: number): void {
    const sum = (of: (node: Cluster["nodes"][number]) => number) => cluster.nodes.reduce((all, node) => all + of(node), 0);
    this.slots = sum((node) => node.slots ?? 0);
    this.set("busy", sum((node) => node.tasks), now);
  }

  private takeNewest({ jobs }: JobPage, now: number): void {
    const { counting } = this;
    const came = counting.newest.take(jobs);
    const passed = (now - counting.newestAt) / 1000;
    counting.newestAt = now;
    if (!came) return;
    const perSecond = came.isAll ? null : pace(jobs);
    counting.submitted += perSecond === null ? came.many : Math.max(came.many, perSecond * passed);
    counting.isShort ||= !came.isAll;
  }

  private takeFailures(path: typeof DEAD | typeof FAILED, { jobs }: JobPage, now: number): void {
    const { counting } = this;
    counting.failed += counting.failures[path]!.take(jobs)?.many ?? 0;
    if (counting.unended > SEEN) {
      counting.failing = new PerMinute();
      this.latest.delete("failing");
      return;
    }
    this.set("failing", counting.failing.take(now, counting.failed), now);
  }

  /** Takes the counters of all actors, of which those of the nodes are sums. */
  heardCounters({ at, marks }: { at: string | number; marks: readonly Counter[] }, now: number): void {
    this.ask(ACTORS, now);
    const nodes = marks.filter((mark) => !mark.path.includes("/"));
    this.set("messages", this.counting.traffic.take(typeof at === "number" ? at : Date.parse(at), nodes), now);
  }

  private set(name: Name, value: number | null, now: number): void {
    if (value !== null) this.latest.set(name, { value, at: now });
  }

  /** Nothing is heard any more, or nobody looks: what is known is old from now on. */
  fallSilent(now: number): void {
    this.latest.clear();
    this.counting = new Counting();
    for (const path in EVERY) if (this.dueAt.get(path) !== Infinity) this.dueAt.set(path, now + FIRST_MS);
  }

  private ask(path: string, now: number): void {
    this.dueAt.set(path, now + EVERY[path]!);
  }

  /** The node will never answer this. */
  refuse(path: string): void {
    this.dueAt.set(path, Infinity);
  }

  /** What is to be asked now; it counts as asked with that. */
  due(now: number): string[] {
    const paths = Object.keys(EVERY).filter((path) => now >= this.dueAt.get(path)!);
    for (const path of paths) this.ask(path, now);
    return paths;
  }

  /** Keeps what is known now. To be called once for each slot of the ring, while somebody looks and the node answers. */
  keep(now: number): void {
    if (now - this.keptAt > STANDSTILL_MS) this.fallSilent(now);
    this.keptAt = now;
    this.ring.put(now, NAMES.map((name) => {
      const known = this.latest.get(name);
      return known && now - known.at <= HOLDS[name] ? known.value : null;
    }));
  }

  courses(): Course[] {
    return NAMES.map((name, at) => ({ name, ceiling: name === "busy" ? this.slots : null, ...this.ring.series(at) }));
  }
}
