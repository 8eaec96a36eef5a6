// Small circles are drawn once and copied: without a GPU that is much faster than two thousand paths.
import type { Health } from "../live/marks";

/** Circles up to this radius, in pixels, are copied. */
export const LITTLE = 9;
const STEP = 0.25;

interface Sprite { canvas: HTMLCanvasElement; radius: number; fill: string; rim: string }
const sprites = new Map<Health, Sprite>();

/** The picture of a circle; made anew when its radius or its colours changed. Its side is twice `radius + 1`, in pixels of the page. */
export function spriteOf(health: Health, radius: number, fill: string, rim: string): Sprite {
  const rounded = Math.max(STEP, Math.round(radius / STEP) * STEP);
  const known = sprites.get(health);
  if (known && known.radius === rounded && known.fill === fill && known.rim === rim) return known;
  const canvas = known?.canvas ?? document.createElement("canvas");
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const side = 2 * (rounded + 1);
  canvas.width = canvas.height = Math.ceil(side * ratio);
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.beginPath();
  context.arc(rounded + 1, rounded + 1, rounded, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  if (rounded > 3) {
    context.lineWidth = 1;
    context.strokeStyle = rim;
    context.stroke();
  }
  const made = { canvas, radius: rounded, fill, rim };
  sprites.set(health, made);
  return made;
}
