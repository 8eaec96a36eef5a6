// The last minutes of the cluster's figures as small lines.
import { useState } from "preact/hooks";
import { count, rate } from "../format";
import type { Course, Name } from "./figures";
import { at, axisOf, HEIGHT, outlineOf, rangeOf, slotAt, spanOf, timeOf, told, WIDTH, xOf, yOf } from "./line";
import { SLOT_MS } from "./ring";

const whole = (value: number) => count(Math.round(value));
const SAID: Record<Name, { title: string; about: string; text: (value: number) => string }> = {
  queued: { title: "Jobs queued", about: "jobs of which nothing has begun", text: whole },
  ready: { title: "Tasks waiting", about: "tasks that wait for a free slot", text: whole },
  busy: { title: "Slots at work", about: "slots that run a task", text: whole },
  ended: { title: "Jobs ended /min", about: "jobs that ended in the last minute, in whatever way", text: whole },
  failing: { title: "Jobs failing /min", about: "jobs that failed or gave up in the last minute", text: whole },
  messages: { title: "Messages /s", about: "messages between actors, of all nodes", text: rate },
};

export function Trend({ courses }: { courses: readonly Course[] }) {
  return (
    <section class="trend" aria-label="The last minutes">
      {courses.map((course) => <Chart key={course.name} course={course} />)}
    </section>
  );
}

/** So many slots an arrow key goes, and page up and down. */
const STEP = 1;
const LEAP = 30_000 / SLOT_MS;
const STEPS: Record<string, number> = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -LEAP, PageUp: LEAP, Home: -Infinity, End: Infinity };

function Chart({ course }: { course: Course }) {
  const { title, about, text } = SAID[course.name];
  const [pointed, setPointed] = useState<number | null>(null);  // a time, so that it stays where it is while the line moves on
  const last = course.values.length - 1;
  const { now, most } = rangeOf(course);
  const slot = pointed === null ? null : Math.max(0, Math.min(last, Math.round((pointed - course.begin) / SLOT_MS)));
  const choose = (next: number) => setPointed(timeOf(course, Math.max(0, Math.min(last, next))));
  const onPoint = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    choose(slotAt(course, (event.clientX - box.left) / box.width));
  };
  const onKey = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    choose((slot ?? last) + step);
  };
  const shown = (value: number | null) => (value === null ? "–" : text(value));
  return (
    <figure class={`trend-chart ${course.name === "failing" && most ? "bad" : ""}`}>
      <figcaption title={about}><span class="quiet">{title}</span> <b>{shown(now)}{course.ceiling !== null && <span class="quiet"> of {count(course.ceiling)}</span>}</b></figcaption>
      <div class="trend-line" role="slider" tabIndex={0} aria-label={`${title}: moment`} aria-valuemin={0} aria-valuemax={Math.max(0, last)} aria-valuenow={slot ?? Math.max(0, last)}
        aria-valuetext={last < 0 ? "not known yet" : at(course, slot ?? last, text)} onKeyDown={onKey} onFocus={() => choose(last)} onBlur={() => setPointed(null)}
        onPointerMove={onPoint} onPointerDown={onPoint} onPointerLeave={() => setPointed(null)}>
        <Line course={course} slot={slot} most={most ?? 0} />
      </div>
      <p class="quiet trend-range" aria-hidden="true">{slot !== null ? at(course, slot, text) : most === null ? "being measured" : `at most ${text(most)}, ${spanOf(course)}`}</p>
      <p class="sr-only">{title}, {spanOf(course)}, {about}. {told(course, text)}</p>
    </figure>
  );
}

function Line({ course, slot, most }: { course: Course; slot: number | null; most: number }) {
  const top = Math.max(1, most, course.ceiling ?? 0);
  const { line, area, gaps } = outlineOf(course, top);
  const value = slot === null ? null : course.values[slot] ?? null;
  const x = slot === null ? 0 : xOf(axisOf(course), timeOf(course, slot));
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {gaps.map(([left, width]) => <rect key={left} class="gap" x={left} y="0" width={width} height={HEIGHT} />)}
      <path class="area" d={area} />
      <path class="base" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      <path class="line" d={line} />
      {slot !== null && <path class="base" d={`M${x} 0V${HEIGHT}`} />}
      {value !== null && <path class="dot" d={`M${x} ${yOf(value, top)}h0`} />}
    </svg>
  );
}
