// Whether the node can be reached, and where to go on if it cannot. Everything that asks the node reports here.
import type { Cluster } from "../api/types";
import { Value } from "./value";

export interface Connection {
  isLost: boolean;
  /** failed tries in a row */
  failures: number;
  /** other nodes that have been seen up, as HOST:PORT */
  others: string[];
}

const KEPT = "troupe.nodes";
export const connection = new Value<Connection>({ isLost: false, failures: 0, others: remembered() });
let timer: ReturnType<typeof setTimeout> | undefined;

function remembered(): string[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  } catch {
    return [];
  }
}

function change(next: Partial<Connection>): void {
  connection.set({ ...connection.now, ...next });
}

/** How long to wait before try number `failures`, in milliseconds: doubling, at most 10 s. */
export function backOff(failures: number): number {
  return Math.min(10_000, 500 * 2 ** Math.min(failures, 10));
}

/** A stream broke, which the node may have meant: only if it does not answer either is it lost. */
export function doubt(): void {
  if (!connection.now.isLost) fetch("/healthz", { signal: AbortSignal.timeout(3000), cache: "no-store" }).catch(() => report("lost"));
}

/** Says how a request went. The first that is lost begins tries of our own until one is answered. */
export function report(how: "answered" | "lost"): void {
  if (how === "answered") {
    if (connection.now.isLost) {
      clearTimeout(timer);
      change({ isLost: false, failures: 0 });
    }
    return;
  }
  if (connection.now.isLost) return;
  change({ isLost: true, failures: 1 });
  tryAgain();
}

function tryAgain(): void {
  timer = setTimeout(async () => {
    try {
      await fetch("/healthz", { signal: AbortSignal.timeout(5000), cache: "no-store" });
      report("answered");
    } catch {
      change({ failures: connection.now.failures + 1 });
      tryAgain();
    }
  }, backOff(connection.now.failures));
}

/** Learns the addresses of the other nodes, for the case that this one is lost. */
export function learnNodes(cluster: Cluster): void {
  const others = cluster.nodes.filter((node) => node.id !== cluster.seen_by && (node.silent_ms ?? 0) < 5000).map((node) => node.address);
  if (others.join() === connection.now.others.join()) return;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(others));
  } catch { /* a browser that keeps nothing */ }
  change({ others });
}
