// #/topology/PATH: the cluster as a picture or as a table, and what is known of the chosen mark beside it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Cluster } from "../api/types";
import { useHeldPoll } from "../live/held";
import { hold } from "../live/hold";
import { useInspect } from "../live/inspect";
import { parentOf, wayTo } from "../live/marks";
import { useValue } from "../live/value";
import { Crumbs } from "../parts/basics";
import { NoMarks } from "../parts/lost";
import { linkTo, linkToMark, type Route } from "../route";
import { courses } from "../trend/follow";
import { Trend } from "../trend/strip";
import { Details } from "./details";
import { HoldSwitch } from "./hold_switch";
import { Picture } from "./picture";
import { MarkTable } from "./table";

/** So many nodes are shown opened from the start; more are closed until someone opens them. */
const OPEN_NODES = 9;
/** Of a group the busiest so many, so often a second, unless `most=` and `hz=` in the address say otherwise. */
const MOST = 500;
const HZ = 5;

/** A number of the address within what a node takes. */
function within(text: string | undefined, least: number, most: number, otherwise: number): number {
  return Math.min(most, Math.max(least, Number(text) || otherwise));
}

export function Topology({ route }: { route: Route }) {
  const chosen = route.rest.join("/");
  const isTable = route.query.as === "table";
  const isTree = route.query.edges === "supervision";
  const cluster = useHeldPoll<Cluster>("/v1/cluster");
  const nodes = cluster.data?.nodes.map((node) => node.id).join(" ") ?? "";
  const [cursor, setCursor] = useState("");
  const open = useMemo(() => {
    const all = nodes ? nodes.split(" ") : [];
    const node = chosen.split("/")[0] ?? "";
    const base = all.length <= OPEN_NODES ? all : [];
    const groups = isTree && node ? ["node", "shard", "slot", "worker", "hub", "front", "desk", "journal", "links", "http"].map((kind) => `${node}/${kind}`) : [];
    return [...new Set([...base, ...groups, ...wayTo(chosen)])];
  }, [nodes, chosen, isTree]);
  const redraw = useRef<() => void>(() => {});
  const [, setTurn] = useState(0);
  const lastTurn = useRef(0);
  const held = useValue(hold.state);
  const live = useInspect({ open, hz: within(route.query.hz, 1, 10, HZ), most: Math.floor(within(route.query.most, 1, 2000, MOST)) }, () => {
    if (hold.state.now) return;
    redraw.current();
    // The canvas follows each message; the panel and the table are read by people and change once a second.
    if (performance.now() - lastTurn.current < 900 && lastTurn.current !== 0) return;
    lastTurn.current = performance.now();
    setTurn((turn) => turn + 1);
  });
  const marks = held?.marks ?? live;
  const trend = hold.keep("trend", useValue(courses)) ?? [];
  useEffect(() => setCursor(""), [chosen]);
  useEffect(() => { if (held && chosen && !held.marks.get(chosen)) hold.release(); }, [chosen, held]);  // it was not seen then
  const to = (path: string, query = route.query) => linkTo("topology", path.split("/").filter(Boolean), query);
  const go = (path: string) => { location.hash = to(path); };
  const shown = cursor || chosen;
  const chain = wayTo(chosen).map((path) => ({ text: marks.get(path)?.name ?? path.split("/").pop()!, href: to(path) }));
  return (
    <section class={`topology ${held ? "is-held" : ""}`} aria-labelledby="topology-title">
      <div class="bar-row">
        <h1 id="topology-title" class="sr-only">Topology</h1>
        <Crumbs items={[{ text: "Cluster", href: to("") }, ...chain]} />
        <div class="switches">
          <HoldSwitch marks={live} />
          <span class="segments" role="group" aria-label="Lines">
            <a href={to(chosen, { ...route.query, edges: "" })} aria-current={!isTree ? "true" : undefined}>Message flow</a>
            <a href={to(chosen, { ...route.query, edges: "supervision" })} aria-current={isTree ? "true" : undefined}>Supervision</a>
          </span>
          <span class="segments" role="group" aria-label="Form">
            <a href={to(chosen, { ...route.query, as: "" })} aria-current={!isTable ? "true" : undefined}>Picture</a>
            <a href={to(chosen, { ...route.query, as: "table" })} aria-current={isTable ? "true" : undefined}>As a table</a>
          </span>
        </div>
      </div>
      <NoMarks />
      {!chosen && <Trend courses={trend} />}
      <div class="topology-body">
        {isTable
          ? <MarkTable marks={marks} chosen={chosen} isTree={isTree} to={to} />
          : <Picture marks={marks} leader={cluster.data?.leader ?? null} open={open} chosen={chosen} cursor={cursor} isTree={isTree} redraw={redraw}
              onCursor={setCursor} onOpen={go} onUp={() => go(parentOf(chosen))} />}
        <Details marks={marks} path={shown} cluster={cluster.data} linkTo={linkToMark} onChanged={cluster.refresh} />
      </div>
    </section>
  );
}
