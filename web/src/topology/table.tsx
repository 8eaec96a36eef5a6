// The marks that are seen, as a table: the picture for keyboards and screen readers.
import { count, percent, rate, seconds } from "../format";
import { healthOf, type Mark, type Marks, parentOf, stateOf } from "../live/marks";

interface Props { marks: Marks; chosen: string; isTree: boolean; to: (path: string) => string }

/** The members of what is chosen, each followed by its own, as deep as they are open. */
function rowsOf(marks: Marks, path: string, level: number, out: { mark: Mark; level: number }[]): void {
  for (const member of marks.membersOf(path)) {
    out.push({ mark: marks.get(member)!, level });
    rowsOf(marks, member, level + 1, out);
  }
}

export function MarkTable({ marks, chosen, isTree, to }: Props) {
  const focus = marks.membersOf(chosen).length ? chosen : parentOf(chosen);
  const rows: { mark: Mark; level: number }[] = [];
  rowsOf(marks, focus, 0, rows);
  return (
    <div class="scroll card" tabIndex={0} role="region" aria-label="Table of marks">
      <table class="data">
        <caption class="sr-only">Members of {focus ? marks.get(focus)?.name : "the cluster"}</caption>
        <thead>
          <tr>
            <th scope="col">Name</th><th scope="col">Kind</th><th scope="col">State</th>{isTree && <th scope="col">Supervised by</th>}
            <th scope="col" class="num">Actors</th><th scope="col" class="num">Messages /s</th><th scope="col" class="num">Busy</th>
            <th scope="col" class="num">Mean time</th><th scope="col" class="num">Waiting</th><th scope="col" class="num">Restarts</th>
          </tr>
        </thead>
        <tbody>{rows.map(({ mark, level }) => <Row key={mark.path} marks={marks} mark={mark} level={level} isTree={isTree} chosen={chosen} to={to} />)}</tbody>
      </table>
      {rows.length === 0 && <p class="empty">Nothing to see yet.</p>}
      {rows.length > 0 && marks.rates(rows[0]!.mark.path).handled === null && <p class="empty">The rates are being measured: they need a second.</p>}
    </div>
  );
}

function Row({ marks, mark, level, isTree, chosen, to }: { marks: Marks; mark: Mark; level: number; isTree: boolean; chosen: string; to: (path: string) => string }) {
  const rates = marks.rates(mark.path);
  const health = healthOf(mark, rates);
  return (
    <tr class={mark.path === chosen ? "chosen" : ""}>
      <th scope="row" class={`level-${Math.min(3, level)}`}><a href={to(mark.path)} aria-current={mark.path === chosen ? "true" : undefined}>{mark.name}</a></th>
      <td>{mark.kind}</td>
      <td><span class={`pill ${health}`}>{stateOf(mark, rates)}</span></td>
      {isTree && <td>{mark.parent ?? (level === 0 ? "" : "the node")}</td>}
      <td class="num">{count(mark.actors)}</td>
      <td class="num">{rate(rates.handled)}</td>
      <td class="num">{percent(rates.busy)}</td>
      <td class="num">{seconds(rates.meanTime)}</td>
      <td class="num">{count(mark.waiting)}</td>
      <td class="num">{count(mark.restarts)}</td>
    </tr>
  );
}
