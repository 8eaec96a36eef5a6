// The picture on the canvas. It is drawn when something changed and while something moves, and not otherwise.
import type { Health } from "../live/marks";
import { paintBodies, paintEdges, paintLabels, type Palette } from "./paint";
import type { Box, Spot } from "./layout";
import type { Edge } from "./edges";

/** One mark as it stands on the canvas: in the world, where it comes from, and on the screen. */
export interface Shape {
  path: string; depth: number; isOpen: boolean;
  /** a group of one actor, which says the name: it needs no title */
  isAlone: boolean;
  x: number; y: number; r: number;
  fromX: number; fromY: number; fromR: number; toX: number; toY: number; toR: number;
  screenX: number; screenY: number; screenR: number;
  label: string; short: string; note: string; health: Health; busy: number; waiting: number; permille: number;
}
export interface Looks { isAlone: boolean; label: string; short: string; note: string; health: Health; busy: number; waiting: number; permille: number }
export interface Line extends Edge {
  text: string; isStrong: boolean;
  /** towards whose middle it bows; null: between nodes, and straight on */
  node: string | null;
}

const MOVE_MS = 380;

export class Scene {
  readonly shapes: Shape[] = [];
  lines: Line[] = [];
  chosen = "";
  cursor = "";
  private readonly byPath = new Map<string, Shape>();
  private readonly context: CanvasRenderingContext2D;
  private view = { x: 0, y: 0, scale: 0 };
  private from = { x: 0, y: 0, scale: 0 };
  private to = { x: 0, y: 0, scale: 0 };
  private begun = 0;
  private isMoving = false;
  private frame = 0;
  private width = 0;
  private height = 0;
  /** milliseconds that the last drawing took, for whoever measures */
  drawMs = 0;

  constructor(private readonly canvas: HTMLCanvasElement, private palette: Palette) {
    this.context = canvas.getContext("2d")!;
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
  }

  recolour(palette: Palette): void {
    this.palette = palette;
    this.invalidate();
  }

  /** @returns whether the size changed */
  resize(): boolean {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    if (clientWidth === this.width && clientHeight === this.height && this.canvas.width === Math.round(clientWidth * ratio)) return false;
    this.width = clientWidth;
    this.height = clientHeight;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.invalidate();
    return true;
  }

  get aspect(): number {
    return this.width / Math.max(1, this.height);
  }

  shape(path: string): Shape | undefined {
    return this.byPath.get(path);
  }

  /** Gives every mark its place; what was there moves, what is new grows out of its place. */
  arrange(spots: readonly Spot[], looks: (path: string) => Looks): void {
    const stay = new Set<string>();
    for (const spot of spots) {
      stay.add(spot.path);
      let shape = this.byPath.get(spot.path);
      if (!shape) {
        shape = { ...spot, fromX: spot.x, fromY: spot.y, fromR: 0, toX: 0, toY: 0, toR: 0, screenX: 0, screenY: 0, screenR: 0, ...looks(spot.path) };
        shape.r = 0;
        this.byPath.set(spot.path, shape);
        this.shapes.push(shape);
      }
      Object.assign(shape, { depth: spot.depth, isOpen: spot.isOpen, toX: spot.x, toY: spot.y, toR: spot.r });
    }
    for (const path of [...this.byPath.keys()]) if (!stay.has(path)) this.byPath.delete(path);
    const kept = this.shapes.filter((shape) => stay.has(shape.path)).sort((a, b) => a.depth - b.depth);
    this.shapes.splice(0, this.shapes.length, ...kept);
    this.move();
  }

  /** Looks at a box of the world, or at one mark of it. */
  lookAt(box: Box): void {
    const scale = Math.min(this.width / box.width, this.height / box.height);
    const to = { x: box.x + box.width / 2, y: box.y + box.height / 2, scale };
    if (to.x === this.to.x && to.y === this.to.y && to.scale === this.to.scale) return;
    this.to = to;
    this.move();
  }

  private move(): void {
    for (const shape of this.shapes) [shape.fromX, shape.fromY, shape.fromR] = [shape.x, shape.y, shape.r];
    const isFirst = this.view.scale === 0;
    this.from = isFirst ? { ...this.to } : { ...this.view };
    this.isMoving = true;
    this.begun = isFirst || matchMedia("(prefers-reduced-motion: reduce)").matches ? -Infinity : performance.now();
    this.invalidate();
  }

  invalidate(): void {
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.draw(now));
  }

  private step(now: number): void {
    const share = Math.min(1, (now - this.begun) / MOVE_MS);
    const ease = share >= 1 ? 1 : Math.max(0, 1 - (1 - share) ** 3);
    for (const shape of this.shapes) {
      shape.x = shape.fromX + (shape.toX - shape.fromX) * ease;
      shape.y = shape.fromY + (shape.toY - shape.fromY) * ease;
      shape.r = shape.fromR + (shape.toR - shape.fromR) * ease;
    }
    this.view.x = this.from.x + (this.to.x - this.from.x) * ease;
    this.view.y = this.from.y + (this.to.y - this.from.y) * ease;
    this.view.scale = this.from.scale + (this.to.scale - this.from.scale) * ease;
    this.isMoving = ease < 1;
  }

  private draw(now: number): void {
    const begun = performance.now();
    this.frame = 0;
    if (this.isMoving) this.step(now);
    const { context, view } = this;
    for (const shape of this.shapes) {
      shape.screenX = (shape.x - view.x) * view.scale + this.width / 2;
      shape.screenY = (shape.y - view.y) * view.scale + this.height / 2;
      shape.screenR = shape.r * view.scale;
    }
    context.clearRect(0, 0, this.width, this.height);
    paintBodies(context, this.shapes, this.palette, this.chosen, this.cursor, this.width, this.height);
    paintEdges(context, this.lines, this.byPath, this.palette);
    paintLabels(context, this.shapes, this.palette, this.width, this.height);
    this.drawMs = performance.now() - begun;
    if (this.isMoving) this.invalidate();
  }

  /** The innermost mark under a point of the canvas. */
  at(x: number, y: number): Shape | null {
    for (let k = this.shapes.length - 1; k >= 0; k -= 1) {
      const shape = this.shapes[k]!;
      if (Math.hypot(shape.screenX - x, shape.screenY - y) <= Math.max(shape.screenR, 4)) return shape;
    }
    return null;
  }
}
