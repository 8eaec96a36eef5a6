// What all scripts share: the line to the check that runs them, the browser, the page's picture.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function heard() {
  const { value, done } = await lines.next();
  if (done) throw new Error("nobody listens any more");
  return JSON.parse(value);
}
const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

/** What the check says first: addresses, ids, the browser. */
export const config = await heard();
export const say = (text) => tell({ say: text });
/** Has the check do something. @returns its answer */
export async function ask(what, request = {}) {
  tell({ ask: what, with: request });
  return (await heard()).answer;
}

const rounded = (figure) => (Number.isFinite(figure) ? Number(figure.toPrecision(3)) : figure);
export const line = (name, figure, limit, isGood) => tell({ line: [name, figure, limit, Boolean(isGood)] });
export const that = (name, isGood, figure = isGood ? "yes" : "no", limit = "yes") => line(name, figure, limit, isGood);
export const equal = (name, figure, expected) => line(name, figure, `= ${expected}`, figure === expected);
export const atMost = (name, figure, most, unit = "") => line(name, `${rounded(figure)} ${unit}`.trim(), `<= ${most} ${unit}`.trim(), figure <= most);
export const atLeast = (name, figure, least, unit = "") => line(name, `${rounded(figure)} ${unit}`.trim(), `>= ${least} ${unit}`.trim(), figure >= least);

/** Waits for a condition. @returns its first true value. The page draws again and again, so it is asked again and again. */
export async function until(what, condition, seconds = 20) {
  const deadline = performance.now() + seconds * 1000;
  let last;
  while (performance.now() < deadline) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (failure) {
      last = failure;  // the page may be on its way to another one
    }
    await new Promise((resolve) => { setTimeout(resolve, 30); });
  }
  throw new Error(`waited ${seconds} s for ${what}${last ? ` (${last.message.split("\n")[0]})` : ""}`);
}

export async function launch() {
  const rights = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: config.chromium, args: rights });
}

/** Does the work of a script, and says whether it came to its end. What a page looked like where it did not is kept as failed.png. */
export async function main(browser, page, work) {
  try {
    tell({ end: (await work()) ?? true });
  } catch (failure) {
    await page?.screenshot({ path: `${config.pictures}/failed.png` }).catch(() => {});
    tell({ failed: `${failure.message.split("\n")[0]} (${page?.url()})` });
    throw failure;
  } finally {
    await browser.close();
  }
}

/** Not the document: of one that the browser did not fetch itself it does not believe that it comes from this machine, and lets it open no WebSocket here. */
const STANDINS = { "/inspector.js": "inspector.js", "/inspector.css": "inspector.css" };

/** A page with a cache of its own. What goes wrong in it is kept in `troubles`, what it asks of other hosts in `strangers`. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", reducedMotion: "no-preference", ...options });
  if (config.instead) {
    await context.route((url) => STANDINS[url.pathname] !== undefined, async (route) => {
      const response = await route.fetch();
      const headers = Object.fromEntries(Object.entries(response.headers()).filter(([name]) => !["content-encoding", "content-length", "etag"].includes(name)));
      await route.fulfill({ status: 200, headers, body: readFileSync(`${config.instead}/${STANDINS[new URL(route.request().url()).pathname]}`) });
    });
  }
  const page = await context.newPage();
  page.troubles = [];
  page.strangers = [];
  page.asked = 0;
  page.homes = new Set([new URL(config.nodes[0].url).host]);
  page.on("console", (message) => { if (message.type() === "error") page.troubles.push(`${message.text()} (${message.location().url})`); });
  page.on("pageerror", (failure) => page.troubles.push(String(failure)));
  const look = (address) => {
    page.asked += 1;
    const url = new URL(address);
    if (["http:", "https:", "ws:", "wss:"].includes(url.protocol) && !page.homes.has(url.host)) page.strangers.push(address);
  };
  page.on("request", (request) => look(request.url()));
  page.on("websocket", (socket) => look(socket.url()));
  return page;
}

export const hashOf = (page) => new URL(page.url()).hash;
export async function go(page, node, hash) {
  await page.goto(`${node.url}/inspector${hash}`);
}

/** A mark as the picture draws it now; null if it does not. Once nothing moves any more. */
export function shapeOf(page, path) {
  return page.evaluate((wanted) => {
    const scene = document.querySelector(".picture canvas")?.scene;
    const shape = scene?.shape(wanted);
    if (!shape || scene.isMoving) return null;
    const { screenX, screenY, screenR, health, note, label, isOpen, permille } = shape;
    return { screenX, screenY, screenR, health, note, label, isOpen, permille, isChosen: scene.chosen === wanted, isCursor: scene.cursor === wanted };
  }, path);
}
export const shapeWhen = (page, path, what, condition = () => true, seconds = 20) =>
  until(what, async () => {
    const shape = await shapeOf(page, path);
    return shape && condition(shape) ? shape : null;
  }, seconds);

/** The picture has all that it was told of: nothing comes, goes or moves for a while. */
export async function atRest(page) {
  let before = "";
  let same = 0;
  await until("the picture to be at rest", async () => {
    const now = await page.evaluate(() => {
      const scene = document.querySelector(".picture canvas")?.scene;
      return scene && !scene.isMoving && scene.shapes.length ? scene.shapes.map((shape) => `${shape.path} ${Math.round(shape.screenX)} ${Math.round(shape.screenY)}`).join() : "";
    });
    same = now && now === before ? same + 1 : 0;
    before = now;
    return same >= 15;
  });
}

export async function clickMark(page, path) {
  await shapeWhen(page, path, `the mark ${path} in the picture`);
  await atRest(page);
  const shape = await shapeWhen(page, path, `the mark ${path} in the picture`);
  await page.locator(".picture canvas").click({ position: { x: shape.screenX, y: shape.screenY } });
}

/** The API, beside the page: what is really so. */
export async function api(node, path, body) {
  const response = await fetch(`${node.url}${path}`, body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return response.json();
}
export const submit = async (node, pipeline, inputs) => (await api(node, "/v1/jobs", { pipeline, inputs })).id;
export const jobWhen = (node, id, state, seconds = 30) => until(`job ${id} to be ${state}`, async () => {
  const job = await api(node, `/v1/jobs/${id}`);
  return job.state === state ? job : null;
}, seconds);

/** The journalled events of a job so far. */
export async function eventsOf(node, id) {
  const { revision } = await api(node, `/v1/jobs/${id}`);
  const stop = new AbortController();
  const response = await fetch(`${node.url}/v1/jobs/${id}/events?after=0`, { signal: stop.signal });
  const events = [];
  let text = "";
  if (response.status === 204) return events;
  const decoder = new TextDecoder();
  for await (const part of response.body) {
    text += decoder.decode(part, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block);
      if (data && /^id: /m.test(block)) events.push(JSON.parse(data[1]));
    }
    if (events.length >= revision) break;
  }
  stop.abort();
  return events;
}
export const eventWhen = (node, id, what, condition, seconds = 30) => until(what, async () => (await eventsOf(node, id)).find(condition), seconds);
/** NODE.START.INDEX as events name a slot, as its mark. */
export function markOf(slot) {
  const [node, , index] = slot.split(".");
  return { node, index, path: `${node}/slot/slot-${index}`, worker: `${node}/worker/worker-${index}` };
}
export const workStarted = (attempt = 1) => (event) => event.type === "attempt_started" && event.stage === "work" && event.attempt === attempt;
