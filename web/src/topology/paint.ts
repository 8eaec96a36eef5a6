// How marks, lines and names look on the canvas. Nothing here allocates: it runs for each frame.
import type { Health } from "../live/marks";
import type { Line, Shape } from "./scene";
import { LITTLE, spriteOf } from "./sprites";

export interface Palette {
  page: string; card: string; ink: string; quiet: string; line: string; soft: string; brand: string; good: string; bad: string; warn: string;
  fill: Record<Health, string>; rim: Record<Health, string>;
}

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    page: of("page"), card: of("card"), ink: of("ink"), quiet: of("quiet"), line: of("line"), soft: of("soft"), brand: of("brand"),
    good: of("good"), bad: of("bad"), warn: of("warn"),
    fill: { bad: of("bad-soft"), warn: of("warn-soft"), busy: of("run-soft"), well: of("good-soft"), idle: of("soft") },
    rim: { bad: of("bad"), warn: of("warn"), busy: of("brand"), well: of("good"), idle: of("quiet") },
  };
}

const TURN = 2 * Math.PI;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const NAME = `600 12px ${FONT}`;
const SMALL = `600 10px ${FONT}`;
const NOTE = `11px ${FONT}`;

function isSeen(shape: Shape, width: number, height: number): boolean {
  const { screenX: x, screenY: y, screenR: r } = shape;
  return r > 0.4 && x + r > 0 && y + r > 0 && x - r < width && y - r < height;
}

export function paintBodies(context: CanvasRenderingContext2D, shapes: readonly Shape[], palette: Palette, chosen: string, cursor: string,
  width: number, height: number): void {
  for (const shape of shapes) {
    if (!isSeen(shape, width, height)) continue;
    const { screenX: x, screenY: y, screenR: r, health } = shape;
    if (shape.depth === 3 && r <= LITTLE) {
      const rim = health === "idle" ? palette.line : palette.rim[health];
      const sprite = spriteOf(health, r, palette.fill[health], rim);
      const half = sprite.radius + 1;
      context.drawImage(sprite.canvas, x - half, y - half, 2 * half, 2 * half);
      if (shape.path === chosen || shape.path === cursor) paintFrame(context, shape, palette, shape.path === cursor);
      continue;
    }
    context.beginPath();
    context.arc(x, y, r, 0, TURN);
    context.fillStyle = shape.depth === 1 ? palette.card : shape.isOpen ? palette.page : palette.fill[health];
    context.fill();
    if (r > 3) {
      context.lineWidth = shape.depth === 1 ? 1.5 : 1;
      context.strokeStyle = health === "idle" || shape.depth === 1 && health !== "bad" && health !== "warn" ? palette.line : palette.rim[health];
      context.stroke();
    }
    if (!shape.isOpen && r > 6) paintShares(context, shape, palette);
    if (shape.path === chosen || shape.path === cursor) paintFrame(context, shape, palette, shape.path === cursor);
  }
}

/** The busy share as an arc around the rim, the progress of a task as a filled part from the bottom. */
function paintShares(context: CanvasRenderingContext2D, shape: Shape, palette: Palette): void {
  const { screenX: x, screenY: y, screenR: r } = shape;
  if (shape.permille > 0) {
    const angle = Math.acos(1 - 2 * Math.min(1, shape.permille / 1000));
    context.globalAlpha = 0.28;
    context.beginPath();
    context.arc(x, y, r - 1, Math.PI / 2 - angle, Math.PI / 2 + angle);
    context.fillStyle = palette.brand;
    context.fill();
    context.globalAlpha = 1;
  }
  if (shape.busy < 0.01) return;
  const thick = Math.min(6, Math.max(2, r * 0.1));
  context.beginPath();
  context.arc(x, y, r - thick / 2, -TURN / 4, -TURN / 4 + TURN * Math.min(1, shape.busy));
  context.lineWidth = thick;
  context.strokeStyle = palette.rim[shape.health];
  context.stroke();
}

function paintFrame(context: CanvasRenderingContext2D, shape: Shape, palette: Palette, isCursor: boolean): void {
  context.beginPath();
  context.arc(shape.screenX, shape.screenY, shape.screenR + 2.5, 0, TURN);
  context.lineWidth = isCursor ? 3 : 2;
  context.strokeStyle = isCursor ? palette.ink : palette.brand;
  context.stroke();
}

export function paintEdges(context: CanvasRenderingContext2D, lines: readonly Line[], shapes: ReadonlyMap<string, Shape>, palette: Palette): void {
  for (const line of lines) {
    const from = shapes.get(line.from);
    const to = shapes.get(line.to);
    if (!from || !to || from.screenR < 2 || to.screenR < 1.5) continue;
    paintEdge(context, line, from, to, line.node === null ? undefined : shapes.get(line.node), palette);
  }
}

/** A bow towards the middle of the node, to the right of its straight line, so that both directions are seen. */
function paintEdge(context: CanvasRenderingContext2D, line: Line, from: Shape, to: Shape, node: Shape | undefined, palette: Palette): void {
  const dx = to.screenX - from.screenX;
  const dy = to.screenY - from.screenY;
  const far = Math.hypot(dx, dy) || 1;
  if (far < Math.abs(from.screenR - to.screenR)) return;
  const bend = Math.min(22, far * 0.12);
  const straightX = (from.screenX + to.screenX) / 2;
  const straightY = (from.screenY + to.screenY) / 2;
  const pull = node ? 0.45 : 0;
  const midX = straightX + ((node?.screenX ?? 0) - straightX) * pull - dy / far * bend;
  const midY = straightY + ((node?.screenY ?? 0) - straightY) * pull + dx / far * bend;
  const begin = Math.hypot(midX - from.screenX, midY - from.screenY) || 1;
  const finish = Math.hypot(midX - to.screenX, midY - to.screenY) || 1;
  const startX = from.screenX + (midX - from.screenX) / begin * from.screenR;
  const startY = from.screenY + (midY - from.screenY) / begin * from.screenR;
  const endX = to.screenX + (midX - to.screenX) / finish * (to.screenR + 4);
  const endY = to.screenY + (midY - to.screenY) / finish * (to.screenR + 4);
  const width = line.rate > 0 ? Math.min(7, 0.7 + Math.log2(1 + line.rate) * 0.55) : 1.2;
  context.globalAlpha = line.isStrong ? 0.9 : 0.38;
  context.strokeStyle = context.fillStyle = line.isStrong ? palette.brand : palette.quiet;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(startX, startY);
  context.quadraticCurveTo(midX, midY, endX, endY);
  context.stroke();
  paintHead(context, endX, endY, endX - midX, endY - midY, 4 + width);
  context.globalAlpha = 1;
  if (line.isStrong && line.text && far > 60) paintText(context, line.text, (startX + endX) / 4 + midX / 2, (startY + endY) / 4 + midY / 2, palette);
}

function paintHead(context: CanvasRenderingContext2D, x: number, y: number, dx: number, dy: number, size: number): void {
  const far = Math.hypot(dx, dy) || 1;
  const ux = dx / far * size;
  const uy = dy / far * size;
  context.beginPath();
  context.moveTo(x + ux * 0.6, y + uy * 0.6);
  context.lineTo(x - ux * 0.5 - uy * 0.6, y - uy * 0.5 + ux * 0.6);
  context.lineTo(x - ux * 0.5 + uy * 0.6, y - uy * 0.5 - ux * 0.6);
  context.closePath();
  context.fill();
}

/** Widths of texts by font: measuring is slow, and names seldom change. */
const widths = new Map<string, Map<string, number>>([[NAME, new Map()], [SMALL, new Map()], [NOTE, new Map()]]);
function widthOf(context: CanvasRenderingContext2D, text: string, font: string): number {
  const known = widths.get(font)!;
  let width = known.get(text);
  if (width === undefined) {
    if (known.size > 5000) known.clear();
    context.font = font;
    width = context.measureText(text).width;
    known.set(text, width);
  }
  return width;
}

function paintText(context: CanvasRenderingContext2D, text: string, x: number, y: number, palette: Palette): void {
  const width = widthOf(context, text, NOTE);
  context.font = NOTE;
  context.fillStyle = palette.card;
  context.fillRect(x - width / 2 - 3, y - 8, width + 6, 16);
  context.fillStyle = palette.ink;
  context.fillText(text, x, y);
}

const SIGNS: Record<Health, string> = { bad: "✕", warn: "!", busy: "", well: "", idle: "" };

export function paintLabels(context: CanvasRenderingContext2D, shapes: readonly Shape[], palette: Palette, width: number, height: number): void {
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const shape of shapes) {
    if (shape.screenR < 9 || !isSeen(shape, width, height)) continue;
    if (shape.isOpen || shape.depth === 1) paintTitle(context, shape, palette);
    else if (!shape.isOpen) paintInside(context, shape, palette);
  }
}

/** The name of what is open stands on its upper rim. */
function paintTitle(context: CanvasRenderingContext2D, shape: Shape, palette: Palette): void {
  if (shape.isAlone || shape.screenY < 0) return;
  const sign = SIGNS[shape.health];
  const text = shape.label;
  const width = widthOf(context, text, NAME) + (sign ? 14 : 0);
  if (width > shape.screenR * 2) return;
  const y = Math.max(12, shape.screenY - shape.screenR);
  context.fillStyle = palette.card;
  context.fillRect(shape.screenX - width / 2 - 6, y - 10, width + 12, 20);
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.strokeRect(shape.screenX - width / 2 - 6, y - 10, width + 12, 20);
  context.font = NAME;
  context.fillStyle = palette.ink;
  context.fillText(text, shape.screenX + (sign ? 7 : 0), y);
  if (!sign) return;
  context.fillStyle = palette.rim[shape.health];
  context.fillText(sign, shape.screenX - width / 2 + 5, y);
}

function paintInside(context: CanvasRenderingContext2D, shape: Shape, palette: Palette): void {
  const room = shape.screenR * (shape.depth === 3 ? 1.6 : 1.85);
  const sign = SIGNS[shape.health];
  const hasNote = shape.note !== "" && shape.screenR > 24 && widthOf(context, shape.note, NOTE) < room;
  const isShort = widthOf(context, shape.label, NAME) >= room;
  const name = isShort ? shape.short : shape.label;
  const font = widthOf(context, name, NAME) < room ? NAME : SMALL;
  const hasName = font === NAME || widthOf(context, name, SMALL) < shape.screenR * (shape.depth === 3 ? 1.85 : 2.4);
  context.font = font;
  if (hasName) {
    context.fillStyle = palette.ink;
    context.fillText(name, shape.screenX, shape.screenY - (hasNote ? 7 : 0));
  }
  if (sign) {
    context.fillStyle = palette.rim[shape.health];
    context.fillText(sign, shape.screenX, hasName ? shape.screenY - shape.screenR + 12 : shape.screenY);
  }
  if (!hasNote) return;
  context.font = NOTE;
  context.fillStyle = palette.quiet;
  context.fillText(shape.note, shape.screenX, shape.screenY + 8);
}
