// The canvas with its mouse, keys and words for screen readers.
import { useEffect, useRef, useState } from "preact/hooks";
import { count, percent, plural, rate } from "../format";
import { HEALTH_WORDS, healthOf, type Marks, parentOf } from "../live/marks";
import { onTheme } from "../parts/theme";
import { flow, supervision } from "./edges";
import { layout, neighbour } from "./layout";
import { paletteOf } from "./paint";
import { Scene, type Looks } from "./scene";

interface Props {
  marks: Marks; leader: string | null; open: readonly string[]; chosen: string; cursor: string; isTree: boolean; redraw: { current: () => void };
  onCursor: (path: string) => void; onOpen: (path: string) => void; onUp: () => void;
}

/** What a mark looks like now. */
function looksOf(marks: Marks, path: string, leader: string | null): Looks {
  const mark = marks.get(path);
  if (!mark) return { isAlone: false, label: path, short: path, note: "", health: "idle", busy: 0, waiting: 0, permille: 0 };
  const rates = marks.rates(path);
  const parts = path.split("/").length;
  const doing = mark.doing ? `${mark.doing.stage} ${Math.floor(mark.doing.permille / 10)} %` : "";
  const atWork = parts === 2 && mark.at_work !== undefined ? `${count(mark.at_work)} at work` : "";
  const waits = mark.waiting > 0 && mark.waiting >= 10 ? `${count(mark.waiting)} waiting` : "";
  const speed = rates.handled === null ? "" : `${rate(rates.handled)} /s`;
  return {
    isAlone: parts === 2 && mark.actors === 1, label: parts === 2 && mark.actors > 1 ? `${mark.name} × ${count(mark.actors)}` : mark.state && parts === 1 && mark.state !== "up" ? `${mark.name} (${mark.state})` : path === leader ? `${mark.name} leads` : mark.name,
    short: parts === 3 ? mark.name.replace(/^.*-/, "") : mark.name, note: doing || waits || atWork || speed, health: healthOf(mark, rates), busy: rates.busy ?? 0, waiting: mark.waiting, permille: mark.doing?.permille ?? 0,
  };
}

/** What a screen reader says of a mark. */
function spoken(marks: Marks, path: string): string {
  const mark = marks.get(path);
  if (!mark) return "";
  const rates = marks.rates(path);
  return `${mark.kind} ${mark.name}, ${mark.state ?? ""} ${HEALTH_WORDS[healthOf(mark, rates)]}, ${rate(rates.handled)} messages a second, `
    + `${percent(rates.busy)} busy, ${plural(mark.waiting, "message")} waiting`;
}

/** The mark whose circle fills the picture: an actor is seen in its group. */
function focusOf(scene: Scene, chosen: string): string {
  return scene.shape(chosen)?.isOpen ? chosen : parentOf(chosen);
}

class Painter {
  readonly scene: Scene;
  private drawn = "";
  constructor(canvas: HTMLCanvasElement) {
    this.scene = new Scene(canvas, paletteOf(canvas));
  }

  /** Follows marks and props: a new layout only when a mark came or went. */
  follow(props: Props): void {
    const { scene } = this;
    scene.resize();
    const { marks, chosen, isTree } = props;
    const open = new Set(props.open);
    const key = `${marks.shape} ${scene.aspect.toFixed(2)} ${props.open.join()} ${chosen}`;
    if (key !== this.drawn) {
      this.drawn = key;
      const { spots, box } = layout(marks, open, scene.aspect);
      scene.arrange(spots, (path) => looksOf(marks, path, props.leader));
      const focus = spots.find((spot) => spot.path === chosen && spot.isOpen) ?? spots.find((spot) => spot.path === parentOf(chosen));
      scene.lookAt(focus ? around(focus.x, focus.y, focus.r * (focus.depth === 1 ? 1.06 : 1.25)) : box);
    }
    for (const shape of scene.shapes) Object.assign(shape, looksOf(marks, shape.path, props.leader));
    const edges = isTree ? supervision(marks) : flow(marks, open, chosen);
    const strong = props.cursor || chosen;
    scene.lines = edges.map((edge) => ({ ...edge, node: nodeOf(edge.from) === nodeOf(edge.to) ? nodeOf(edge.from) : null, text: edge.rate > 0 ? `${rate(edge.rate)} /s` : "", isStrong: edge.from === strong || edge.to === strong }))
      .sort((a, b) => Number(a.isStrong) - Number(b.isStrong));
    scene.chosen = chosen;
    scene.cursor = props.cursor;
    scene.invalidate();
  }
}

function nodeOf(path: string): string {
  return path.split("/")[0]!;
}

function around(x: number, y: number, r: number) {
  return { x: x - r, y: y - r, width: 2 * r, height: 2 * r };
}

const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function Picture(props: Props) {
  const { marks, chosen, cursor } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [tip, setTip] = useState("");

  useEffect(() => {
    const mine = new Painter(canvas.current!);
    painter.current = mine;
    props.redraw.current = () => mine.follow(latest.current);
    const watch = new ResizeObserver(() => mine.follow(latest.current));
    watch.observe(canvas.current!);
    const stopTheme = onTheme(() => mine.scene.recolour(paletteOf(canvas.current!)));
    (canvas.current as HTMLCanvasElement & { scene?: Scene }).scene = mine.scene;  // for whoever measures
    return () => {
      watch.disconnect();
      stopTheme();
      props.redraw.current = () => {};
      mine.scene.stop();
    };
  }, []);
  useEffect(() => painter.current?.follow(props));

  const onKey = (event: KeyboardEvent) => {
    const scene = painter.current?.scene;
    if (!scene) return;
    if (event.key === "Escape") {
      event.preventDefault();
      if (cursor) props.onCursor("");
      else props.onUp();
    } else if (event.key === "Enter" && (cursor || chosen)) {
      props.onOpen(cursor || chosen);
    } else if (ARROWS[event.key]) {
      event.preventDefault();
      props.onCursor(stepTo(scene, marks, chosen, cursor, ARROWS[event.key]!));
    }
  };
  const onPoint = (event: MouseEvent) => setTip(painter.current?.scene.at(event.offsetX, event.offsetY)?.path ?? "");
  const onClick = (event: MouseEvent) => {
    const shape = painter.current?.scene.at(event.offsetX, event.offsetY);
    if (!shape) props.onUp();
    else if (shape.path !== chosen) props.onOpen(shape.path);
  };
  const about = tip && marks.get(tip) ? spoken(marks, tip) : "Click a circle to open it, the space around it to go up.";
  return (
    <div class="picture">
      <canvas ref={canvas} tabIndex={0} role="application" aria-label="Picture of the cluster" aria-describedby="picture-keys"
        class={tip ? "pointing" : ""} onKeyDown={onKey} onMouseMove={onPoint} onMouseLeave={() => setTip("")} onClick={onClick} />
      <p id="picture-keys" class="sr-only">Arrow keys move between marks, Enter opens one, Escape goes up. The same is there as a table.</p>
      <p class="sr-only" aria-live="polite">{cursor ? spoken(marks, cursor) : ""}</p>
      <p class="caption" aria-hidden="true">{about}</p>
      <Legend isTree={props.isTree} />
    </div>
  );
}

/** Where the cursor goes from where it is; first to a member of what is open. */
function stepTo(scene: Scene, marks: Marks, chosen: string, cursor: string, [dx, dy]: [number, number]): string {
  const inside = cursor ? parentOf(cursor) : focusOf(scene, chosen);
  const spots = marks.membersOf(inside).map((path) => scene.shape(path)).filter((shape) => shape !== undefined)
    .map((shape) => ({ path: shape.path, depth: shape.depth, isOpen: shape.isOpen, x: shape.toX, y: shape.toY, r: shape.toR }));
  const from = spots.find((spot) => spot.path === (cursor || chosen));
  if (!from) return spots[0]?.path ?? "";
  return neighbour(spots, from, dx, dy)?.path ?? cursor;
}

function Legend({ isTree }: { isTree: boolean }) {
  return (
    <ul class="legend" aria-label="Signs">
      <li><i class="key well" />works</li>
      <li><i class="key busy" />busy; the arc is the share</li>
      <li><i class="key progress" />how far its task is</li>
      <li><i class="key warn">!</i>needs a look</li>
      <li><i class="key bad">✕</i>in trouble</li>
      <li><i class="key idle" />idle</li>
      <li><i class="key chosen" />chosen</li>
      <li>{isTree ? "lines: from who supervises to whom" : "lines: messages, the wider the more; choose a circle for numbers"}</li>
    </ul>
  );
}
