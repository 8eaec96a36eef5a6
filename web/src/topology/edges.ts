// The lines between marks: who sends messages to whom, and who supervises whom. Pure.
import { type Mark, type Marks, parentOf } from "../live/marks";

export interface Edge { from: string; to: string; rate: number }

/** Messages a second between nodes, between the groups of each opened node, and to the actor that is chosen. */
export function flow(marks: Marks, open: ReadonlySet<string>, chosen: string): Edge[] {
  const edges: Edge[] = [];
  for (const node of marks.membersOf("")) {
    addLinks(marks, node, edges);
    if (!open.has(node)) continue;
    for (const group of marks.membersOf(node)) addFlow(marks, node, group, edges);
  }
  if (chosen.split("/").length === 3) addFlow(marks, chosen.split("/")[0]!, chosen, edges);
  return edges;
}

/** From the links of a node to the nodes at their other ends; from the node itself where they are not seen. */
function addLinks(marks: Marks, node: string, edges: Edge[]): void {
  const links = `${node}/links`;
  for (const other in marks.get(node)?.sent_to) {
    const rate = marks.rateTo(node, other) ?? 0;
    if (rate > 0 && marks.get(other)) edges.push({ from: marks.get(links) ? links : node, to: other, rate });
  }
}

function addFlow(marks: Marks, node: string, to: string, edges: Edge[]): void {
  const mark = marks.get(to);
  if (!mark) return;
  for (const kind in mark.received) {
    const from = `${node}/${kind}`;
    const rate = marks.rateFrom(to, kind) ?? 0;
    if (rate > 0 && from !== to && marks.get(from)) edges.push({ from, to, rate });
  }
}

/** Parent to child, for the actors that are seen; one of a closed group is shown by its group. */
export function supervision(marks: Marks): Edge[] {
  const seen = new Map<string, Edge>();
  const actors = marks.all().filter((mark) => mark.path.split("/").length === 3);
  const byName = new Map(actors.map((mark) => [`${mark.path.split("/")[0]} ${mark.name}`, mark.path]));
  for (const mark of actors) {
    const from = parentPath(marks, mark, byName);
    if (!from || from === mark.path || from === parentOf(mark.path)) continue;
    seen.set(`${from} ${mark.path}`, { from, to: mark.path, rate: 0 });
  }
  return [...seen.values()];
}

function parentPath(marks: Marks, mark: Mark, byName: ReadonlyMap<string, string>): string | null {
  const node = mark.path.split("/")[0]!;
  if (mark.parent === null) return null;
  const exact = byName.get(`${node} ${mark.parent}`);
  if (exact) return exact;
  const group = `${node}/${mark.parent.replace(/-\d+$/, "")}`;
  return marks.get(group) ? group : null;
}
