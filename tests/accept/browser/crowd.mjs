// A3: a node with 100,000 slots. How soon the page is there, and whether 2,000 of them move.
import { atLeast, atMost, config, equal, go, launch, line, main, newPage, say, that, until } from "./browser.mjs";

const [node] = config.nodes;
const LOADS = 5;
const SECONDS = 10;
let page = null;
let browser = null;

/** One cold load: a browser that has never seen the page. @returns when it first drew something, and when it drew marks, in milliseconds */
async function coldLoad() {
  const cold = await launch();
  try {
    page = await newPage(cold);
    await go(page, node, "#/topology");
    const painted = await page.evaluate(() => new Promise((resolve) => {
      new PerformanceObserver((list) => { for (const entry of list.getEntriesByName("first-contentful-paint")) resolve(entry.startTime); }).observe({ type: "paint", buffered: true });
    }));
    const marks = await until("marks in the picture", () => page.evaluate((id) => {
      const scene = document.querySelector(".picture canvas")?.scene;
      return scene?.shape(`${id}/slot`) && scene.drawMs > 0 ? performance.now() : null;
    }, node.id));
    const title = await page.locator("header nav a[aria-current]").innerText();
    if (title !== "Topology") throw new Error(`what was painted is not the page: ${title}`);
    return { painted, marks };
  } finally {
    await cold.close();
  }
}

/** Counts frames, messages of the live stream, and drawings with the circles in them, without a word to the outside. */
function watch() {
  const counts = window.counts = { frames: 0, worst: 0, messages: 0, bytes: 0, marks: 0, drawings: 0, circles: 0, fewest: Infinity };
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", (event) => {
        counts.messages += 1;
        counts.bytes += event.data.length;
        if (counts.isLooking) counts.marks += event.data.split('"path":').length - 1;
      });
    }
  };
  const { clearRect, arc, drawImage } = CanvasRenderingContext2D.prototype;
  let circles = 0;
  CanvasRenderingContext2D.prototype.arc = function (...words) { circles += 1; return arc.apply(this, words); };
  CanvasRenderingContext2D.prototype.drawImage = function (...words) { circles += 1; return drawImage.apply(this, words); };
  CanvasRenderingContext2D.prototype.clearRect = function (...words) {
    if (counts.drawings > 0) counts.fewest = Math.min(counts.fewest, circles);
    counts.drawings += 1;
    circles = 0;
    return clearRect.apply(this, words);
  };
  let before = performance.now();
  const frame = (now) => {
    counts.frames += 1;
    counts.worst = Math.max(counts.worst, now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** @returns what was counted within some seconds. */
const countFor = (seconds) => page.evaluate(async (span) => {
  const before = { ...window.counts };
  Object.assign(window.counts, { worst: 0, fewest: Infinity });
  const began = performance.now();
  await new Promise((resolve) => { setTimeout(resolve, span * 1000); });
  const passed = (performance.now() - began) / 1000;
  const { counts } = window;
  return { passed, worst: counts.worst, fewest: counts.fewest, frames: (counts.frames - before.frames) / passed, messages: (counts.messages - before.messages) / passed,
    drawings: (counts.drawings - before.drawings) / passed, megabytes: (counts.bytes - before.bytes) / passed / 1e6, marks: counts.marks - before.marks };
}, seconds);

const inSight = () => page.evaluate(() => {
  const canvas = document.querySelector(".picture canvas");
  const { scene } = canvas;
  if (scene.isMoving) return 0;
  return scene.shapes.filter(({ depth, screenX: x, screenY: y, screenR: r }) => depth === 3 && r >= 2 && x - r >= 0 && y - r >= 0 && x + r <= canvas.clientWidth && y + r <= canvas.clientHeight).length;
});

async function frames() {
  browser = await launch();
  page = await newPage(browser);
  await page.addInitScript(watch);
  await go(page, node, `#/topology/${node.id}/slot?most=2000&hz=10`);
  const visible = await until("2,000 marks in sight", async () => { const many = await inSight(); return many >= 2000 ? many : null; }, 60);
  atLeast("slots within the picture, each at least 4 pixels wide", visible, 2000);
  equal("how many there are, by the panel", await page.locator(".details .quiet").first().innerText(), "slot, 100,000 actors, supervised by node");
  await until("the stream to run", async () => (await page.evaluate(() => window.counts.messages)) >= 20);
  const found = await countFor(SECONDS);
  say(`${found.megabytes.toFixed(1)} MB/s, the longest frame took ${found.worst.toFixed(0)} ms`);
  atLeast(`frames, over ${found.passed.toFixed(1)} s`, found.frames, 30, "1/s");
  atLeast("messages of the live stream meanwhile", found.messages, 9, "1/s");
  atLeast("drawings of the whole picture meanwhile", found.drawings, 9, "1/s");
  atLeast("circles in the drawing with fewest", found.fewest, 2000);
  await page.evaluate(() => { window.counts.isLooking = true; });
  const looked = await countFor(3);
  atLeast("marks in a message, once they are counted", looked.marks / (looked.messages * looked.passed), 1000);
  atLeast("marks in sight afterwards", await inSight(), 2000);
  equal("errors in the console", page.troubles.length, 0);
  for (const trouble of page.troubles) say(`console: ${trouble}`);
  await page.screenshot({ path: `${config.pictures}/crowd.png` });
}

await main({ close: () => browser?.close() }, { url: () => page?.url(), screenshot: (options) => page.screenshot(options) }, async () => {
  const loads = [];
  for (let k = 0; k < LOADS; k += 1) loads.push(await coldLoad());
  const median = (values) => values.sort((a, b) => a - b)[LOADS >> 1];
  say(`first paint after ${loads.map((one) => one.painted.toFixed(0)).join(", ")} ms, marks after ${loads.map((one) => one.marks.toFixed(0)).join(", ")} ms`);
  line("cold loads", String(loads.length), `= ${LOADS}`, loads.length === LOADS);
  atMost("first contentful paint, median", median(loads.map((one) => one.painted)) / 1000, 1, "s");
  atMost("marks in the picture, median", median(loads.map((one) => one.marks)) / 1000, 2, "s");
  await frames();
  that("the page was looked at to the end", true);
});
