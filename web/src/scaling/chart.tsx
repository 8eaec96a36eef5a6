// Nodes over time, as the node that decides remembers them.
import { useState } from "preact/hooks";
import { useNow } from "../api/poll";
import type { CoursePoint } from "../api/types";
import { count, moment, plural, seconds } from "../format";
import { heldAt, HEIGHT, stepsOf, told, topOf, WIDTH } from "./course";

export function Chart({ points }: { points: readonly CoursePoint[] }) {
  const now = useNow(2000);
  const [share, setShare] = useState<number | null>(null);
  const first = points[0];
  if (!first) return <p class="quiet">Nothing was decided yet.</p>;
  const nodes = topOf(points, ["desired", "working"]);
  const tasks = topOf(points, ["unfinished"]);
  const at = share === null ? now : first[0] + share * (now - first[0]);
  const held = heldAt(points, at) ?? first;
  const onPoint = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    setShare(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)));
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setShare(Math.max(0, Math.min(1, (share ?? 1) + step)));
  };
  const said = `${moment(at, now)}: ${plural(held[1], "node")} wanted, ${count(held[2])} working, ${plural(held[3], "unfinished task")}`;
  return (
    <figure class="scaling-chart">
      <div class="trend-line" role="slider" tabIndex={0} aria-label="Moment" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round((share ?? 1) * 100)} aria-valuetext={said}
        onPointerMove={onPoint} onPointerDown={onPoint} onPointerLeave={() => setShare(null)} onKeyDown={onKey} onBlur={() => setShare(null)}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <path class="area" d={`${stepsOf(points, "unfinished", now, tasks)}V${HEIGHT}H0Z`} />
          <path class="base" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
          <path class="line working" d={stepsOf(points, "working", now, nodes)} />
          <path class="line desired" d={stepsOf(points, "desired", now, nodes)} />
          {share !== null && <path class="base" d={`M${share * WIDTH} 0V${HEIGHT}`} />}
        </svg>
      </div>
      <figcaption>
        <span class="course-key desired">wanted</span> <span class="course-key working">working</span> <span class="quiet">(at most {plural(nodes, "node")})</span>{" "}
        <span class="course-key unfinished">unfinished tasks</span> <span class="quiet">(at most {count(tasks)})</span>
        <span class="quiet chart-at">{share === null ? `the last ${seconds((now - first[0]) / 1000)}` : said}</span>
      </figcaption>
      <p class="sr-only">The newest changes first. {told(points, (time) => moment(time, now))}.</p>
    </figure>
  );
}
