// Handling times of one actor, as bars.
import { count, seconds } from "../format";

export function Histogram({ times }: { times: [number | null, number][] }) {
  const all = times.reduce((sum, [, many]) => sum + many, 0);
  const most = Math.max(1, ...times.map(([, many]) => many));
  return (
    <table class="data tight histogram">
      <caption>Handling times ({count(all)} messages)</caption>
      <thead><tr><th scope="col" class="num">Up to</th><th scope="col"><span class="sr-only">Share</span></th><th scope="col" class="num">Messages</th></tr></thead>
      <tbody>
        {times.map(([bound, many], at) => (
          <tr key={at}>
            <th scope="row" class="num">{bound === null ? "longer" : seconds(bound)}</th>
            <td class="spark"><span class="bar"><i style={{ width: `${many / most * 100}%` }} /></span></td>
            <td class="num">{count(many)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
