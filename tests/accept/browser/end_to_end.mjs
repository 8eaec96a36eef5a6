// A1: a cluster is seen and led from the page alone. What the page says is held against the API each time.
import {
  api, ask, atMost, atRest, clickMark, config, equal, eventWhen, go, hashOf, jobWhen, launch, main, markOf, newPage, say, shapeOf, shapeWhen, submit, that, until, workStarted,
} from "./browser.mjs";

const [first, second, third] = config.nodes;
const SEEN = 2;  // s until the page shows what has happened
const browser = await launch();
const page = await newPage(browser);
const panel = page.locator(".details");
const attempts = page.getByRole("region", { name: "Table of attempts" }).locator("tbody tr");
const dialog = page.locator("dialog[open]");
const since = (time) => (Date.now() - Date.parse(time)) / 1000;
const pill = (state) => page.locator(".job-head .pill", { hasText: new RegExp(`^${state}$`) });
const jobInHash = () => /^#\/jobs\/([0-9a-f]{16})$/.exec(hashOf(page))?.[1];
const shown = (locator, what, seconds = 20) => until(what, async () => (await locator.count()) > 0 && locator.first().isVisible(), seconds);

async function submitFromThePage(pipeline, fields) {
  await page.locator("header nav").getByRole("link", { name: "Submit" }).click();
  await page.getByLabel("Pipeline").selectOption(pipeline);
  await fields(page.locator("form.fields"));
  await page.locator("form.fields button[type=submit]").click();
  return until("the new job's page", jobInHash);
}

async function seenAtWork() {
  await go(page, first, "#/topology");
  const began = performance.now();
  const id = await submitFromThePage("gated", async (form) => { await form.getByLabel("Name", { exact: true }).fill("one"); });
  const job = await api(first, `/v1/jobs/${id}`);
  equal("a job submitted with the page's form", JSON.stringify([job.pipeline, job.inputs]), '["gated",{"name":"one"}]');
  const running = await eventWhen(first, id, "the stage to begin", workStarted());
  const mark = markOf(running.slot);
  await shown(pill("running"), "the job's page to say that it runs");
  await shown(attempts.filter({ hasText: "work" }).filter({ hasText: `slot ${mark.index}` }).filter({ hasText: "running" }), "the attempt and its slot on the job's page");
  atMost("from pressing Submit until the job's page shows the attempt and its slot", (performance.now() - began) / 1000, 5, "s");

  await attempts.filter({ hasText: "work" }).getByRole("link", { name: `slot ${mark.index}` }).click();
  equal("the attempt's slot leads to its mark", hashOf(page), `#/topology/${mark.path}`);
  await shown(panel.locator(`.doing a[href="#/jobs/${id}"]`), "the slot's panel to name the job");
  const busy = await shapeWhen(page, mark.path, "the slot to be busy in the picture", (shape) => shape.health === "busy" && /^work \d+ %$/.test(shape.note));
  that("the picture shows what the slot runs", busy.isChosen, busy.note, "chosen, with stage and share");
  const changed = performance.now();
  await ask("progress", { gate: "one", share: 0.7 });
  await shapeWhen(page, mark.path, "the progress in the picture", (shape) => shape.note === "work 70 %" && shape.permille === 700);
  await shown(panel.locator('.doing [role=progressbar][aria-valuenow="70"]'), "the progress in the panel");
  atMost("from the program's word until the picture and the panel show its progress", (performance.now() - changed) / 1000, SEEN, "s");
  await workerAtWork(mark, id);
  await ask("open", { gate: "one" });
  const done = await eventWhen(first, id, "the stage to end", (event) => event.type === "stage_done" && event.stage === "work");
  await shapeWhen(page, mark.path, "the slot to go idle in the picture", (shape) => shape.health !== "busy" && !shape.note.startsWith("work"));
  await until("the slot's panel to say idle", async () => (await panel.locator(".doing").count()) === 0 && /idle/.test(await panel.locator("header .pill").innerText()));
  atMost("from the stage's end until picture and panel show the slot idle", since(done.at), SEEN, "s");
  await page.goto(`${first.url}/inspector#/topology/${mark.worker}`);
  await shown(panel.getByRole("heading", { name: `worker-${mark.index}`, exact: true }), "the worker's panel");
  await shapeWhen(page, mark.worker, "the worker to be idle as well", (shape) => shape.isChosen && shape.health !== "busy" && !shape.note.startsWith("work"));
  that("the worker is idle as well", (await panel.locator(".doing").count()) === 0);
}

/** The worker beside the slot is alive and says what it does. */
async function workerAtWork(mark, id) {
  await page.goto(`${first.url}/inspector#/topology/${mark.worker}`);
  await shown(panel.getByRole("heading", { name: `worker-${mark.index}`, exact: true }), "the worker's panel");
  const worker = await shapeWhen(page, mark.worker, "the worker to be busy in the picture", (shape) => shape.isChosen && shape.health === "busy" && shape.note === "work 70 %");
  await shown(panel.locator(`.doing a[href="#/jobs/${id}"]`), "the worker's panel to name the job");
  that("the slot's worker is busy with the same", true, worker.note, "work 70 %");
  await shown(panel.locator(".written pre", { hasText: "one is at 0.7" }), "what the program writes, in the worker's panel");
  await page.goto(`${first.url}/inspector#/topology/${mark.path}`);
  await shown(panel.locator(`.doing a[href="#/jobs/${id}"]`), "the slot's panel again");
}

async function aFilm() {
  await go(page, first, "#/topology");
  const id = await submitFromThePage("video-message", async (form) => {
    await form.getByLabel("Image", { exact: true }).setInputFiles(config.picture);
    await form.getByLabel("Text", { exact: true }).fill("What you see is what there is.");
  });
  await jobWhen(first, id, "succeeded", 120);
  const film = page.locator("dl[aria-label=Result] video");
  const size = await until("the film to be decoded in the page", () => film.evaluate((video) => (video.readyState >= 1 && video.videoWidth > 0 ? `${video.videoWidth}x${video.videoHeight}, ${video.duration.toFixed(1)} s` : null)));
  that("a film made from an uploaded picture plays on the job's page", (await pill("succeeded").count()) === 1, size, "decoded");
}

async function workerKilled() {
  const id = await submit(first, "gated", { name: "two" });
  await go(page, first, `#/jobs/${id}`);
  const { slot } = await eventWhen(first, id, "the stage to begin", workStarted());
  await shown(attempts.filter({ hasText: "work" }).filter({ hasText: "running" }), "the first attempt on the job's page");
  const written = performance.now();
  await ask("progress", { gate: "two", share: 0.3 });
  await shown(page.locator(".written pre", { hasText: "two is at 0.3" }), "the line that the program has just written, on the job's page");
  atMost("from a line on the program's standard error until the job's page shows it", (performance.now() - written) / 1000, SEEN, "s");
  const killed = performance.now();
  await until("the program of the attempt", async () => (await ask("programs_of", { job: id })).length > 0);
  await ask("kill_worker", { job: id });
  const lost = await eventWhen(first, id, "the attempt to be lost", (event) => event.type === "attempt_failed" && event.stage === "work");
  equal("the cause of a lost attempt after kill -9 of its worker", lost.cause, "crashed");
  const row = attempts.filter({ hasText: "work" }).filter({ hasText: "failed" });
  await shown(row.filter({ hasText: `the program crashed: ${lost.detail}` }), "the lost attempt with its reason");
  atMost("from the kill until the page shows the lost attempt and its reason", (performance.now() - killed) / 1000, 5, "s");
  const again = await eventWhen(first, id, "the second attempt", workStarted(2));
  await shown(attempts.filter({ hasText: "work" }).filter({ hasText: "running" }), "the second attempt on the page");
  atMost("from the second attempt's start until the page shows it", since(again.at), SEEN, "s");
  const text = await page.getByRole("list", { name: "Events" }).innerText();
  that("the log says why, and when the next attempt was due", text.includes(lost.detail) && /work, attempt 1: failed[^\n]*next attempt at/.test(text), lost.detail, "the event's detail");
  await ask("open", { gate: "two" });
  await shown(pill("succeeded"), "the job's end on its page");
  equal("attempts of the stage in the end", (await api(first, `/v1/jobs/${id}`)).stages.find((stage) => stage.name === "work").attempts, 2);
  const { node, index } = markOf(slot);
  const address = new URL(config.nodes.find((one) => one.id === node).url).host;
  await go(page, first, "#/slots");
  const place = page.getByRole("region", { name: `Slots of ${address}` }).locator("li", { hasText: `slot-${index}` });
  await shown(place.locator(".slot-restarts"), "the slot's restarts");
  equal("what the slots' view says of the killed worker's slot", await place.locator(".slot-restarts").innerText(), "1 restart");
}

async function drilled() {
  const id = await submit(first, "gated", { name: "three" });
  const { path, node } = markOf((await eventWhen(first, id, "the stage to begin", workStarted())).slot);
  const hashes = [];
  await go(page, first, "#/topology");
  for (const mark of [node, `${node}/slot`, path]) {
    await clickMark(page, mark);
    await until(`the way to ${mark}`, () => hashOf(page) === `#/topology/${mark}`, 5);
    await shapeWhen(page, mark, `${mark} to be chosen`, (shape) => shape.isChosen);
    hashes.push(hashOf(page));
  }
  await panel.locator(".doing a").click({ position: { x: 20, y: 8 } });
  equal("with the mouse from cluster to node, group, slot and job", `${hashes.length} marks, then ${hashOf(page)}`, `3 marks, then #/jobs/${id}`);
  await shown(pill("running"), "the job's page");

  await go(page, first, "#/topology");
  await shapeWhen(page, node, "the picture");
  await atRest(page);
  await page.locator(".picture canvas").focus();
  let presses = 0;
  for (const mark of [node, `${node}/slot`, path]) {
    presses += await keysTo(mark);
    await page.keyboard.press("Enter");
    await until(`the keys' way to ${mark}`, () => hashOf(page) === `#/topology/${mark}`, 5);
    await shapeWhen(page, mark, `${mark} to be chosen`, (shape) => shape.isChosen);
  }
  await shown(panel.locator(".doing a"), "the job in the slot's panel");
  for (let tabs = 0; tabs < 60 && !(await panel.locator(".doing a").evaluate((link) => link === document.activeElement)); tabs += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until("the job's page", () => hashOf(page) === `#/jobs/${id}`, 5);
  that("with the keyboard alone the same way", true, `${presses} arrow keys, Enter, Tab`, "arrows, Enter, Tab");
  return id;
}

/** Presses arrow keys until the cursor stands on a mark. @returns how many it took */
async function keysTo(path) {
  const tried = new Set();
  for (let presses = 0; presses < 40; presses += 1) {
    const { cursor, target } = await page.evaluate((wanted) => {
      const scene = document.querySelector(".picture canvas").scene;
      const spot = (shape) => shape && { path: shape.path, x: shape.toX, y: shape.toY };
      return { cursor: spot(scene.shape(scene.cursor)), target: spot(scene.shape(wanted)) };
    }, path);
    if (cursor?.path === path) return presses;
    const [dx, dy] = cursor ? [target.x - cursor.x, target.y - cursor.y] : [1, 0];
    const across = [dx > 0 ? "ArrowRight" : "ArrowLeft", Math.abs(dx)];
    const down = [dy > 0 ? "ArrowDown" : "ArrowUp", Math.abs(dy)];
    const order = across[1] > down[1] ? [across[0], down[0]] : [down[0], across[0]];
    const key = order.find((one) => !tried.has(`${cursor?.path} ${one}`)) ?? ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"][presses % 4];
    tried.add(`${cursor?.path} ${key}`);
    await page.keyboard.press(key);
    await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
  }
  throw new Error(`no way with the arrow keys to ${path}`);
}

async function cancelled(id) {
  await page.locator(".job-head").getByRole("button", { name: "Cancel" }).click();
  await shown(dialog.filter({ hasText: "What runs now (work) is stopped" }), "the words of what will happen");
  equal("the job's state while the page asks whether to cancel", (await api(first, `/v1/jobs/${id}`)).state, "running");
  const pressed = performance.now();
  await dialog.getByRole("button", { name: "Cancel the job" }).click();
  await shown(pill("cancelled"), "the page to say cancelled");
  atMost("from the confirmation until the page shows the job cancelled", (performance.now() - pressed) / 1000, SEEN, "s");
  equal("its state by the API", (await api(first, `/v1/jobs/${id}`)).state, "cancelled");
  await until("its program to be gone", async () => (await ask("programs_of", { job: id })).length === 0);
  atMost("until no process of it is left", (performance.now() - pressed) / 1000, 5, "s");
}

async function deadLetter() {
  const id = await submit(first, "doomed", {});
  const dead = await jobWhen(first, id, "dead");
  await go(page, first, "#/slots");
  const row = page.getByRole("region", { name: "Table of dead letters" }).locator("tbody tr", { hasText: id });
  await shown(row, "the dead letter");
  atMost("from the last failure until the dead letter is in the list", since(dead.ended_at), 5, "s");
  that("its row says the stage and why", (await row.innerText()).includes("risky") && (await row.innerText()).includes(dead.error.detail), dead.error.detail.slice(0, 80), "as the API says");
  const retries = async () => (await api(first, `/v1/jobs?label=retry_of:${id}`)).jobs;
  await ask("mend");
  await row.getByRole("button", { name: /^Retry/ }).click();
  await shown(dialog.filter({ hasText: "Submit the same request again?" }), "the confirmation");
  await dialog.getByRole("button", { name: "Leave it" }).click();
  await until("the dialog to close", async () => (await dialog.count()) === 0);
  await row.getByRole("button", { name: /^Retry/ }).click();
  await shown(dialog, "the confirmation again");
  equal("new jobs before the confirmation, and after one that was refused", (await retries()).length, 0);
  await dialog.getByRole("button", { name: "Submit again", exact: true }).click();
  const next = await until("the new job's page", jobInHash, 5);
  await jobWhen(first, next, "succeeded");
  await shown(pill("succeeded"), "the new job's end on its page");
  await shown(page.locator(".job-head .tag", { hasText: `retry_of:${id}` }), "the label on the page");
  const found = await retries();
  equal("jobs with the label retry_of, and the one that the page went to", JSON.stringify(found.map((job) => job.id)), JSON.stringify([next]));
  const old = await api(first, `/v1/jobs/${id}`);
  equal("the dead job afterwards", `${old.state} ${old.revision}`, `dead ${dead.revision}`);
}

const stateOf = async (node) => (await api(first, "/v1/cluster")).nodes.find((member) => member.id === node.id).state;
/** Two jobs at work on every node. @returns the gates of those at each node */
async function fill(prefix) {
  const gates = new Map(config.nodes.map((node) => [node.id, []]));
  const many = config.nodes.reduce((sum, node) => sum + node.slots, 0);
  const ids = [];
  for (let k = 0; k < many; k += 1) ids.push(await submit(first, "gated", { name: `${prefix}-${k}` }));
  for (const [k, id] of ids.entries()) gates.get(markOf((await eventWhen(first, id, "the stage to begin", workStarted())).slot).node).push(`${prefix}-${k}`);
  return { gates, ids };
}

async function paused() {
  const queue = page.getByRole("region", { name: "Queue" });
  const notice = (where) => where.locator(".notice", { hasText: "Pipeline sleepy is paused" });
  await go(page, first, "#/slots");
  await queue.getByRole("button", { name: "Pause…" }).click();
  await dialog.getByLabel("What").selectOption("sleepy");
  await dialog.getByLabel("Why").fill("the beds are made");
  equal("pauses while the page asks", (await api(first, "/v1/queue")).pauses.length, 0);
  await dialog.getByRole("button", { name: "Pause" }).click();
  await shown(notice(queue), "the queue's view to say what is paused");
  const held = await submit(first, "sleepy", { seconds: 1 });
  const other = await submit(first, "gated", { name: "eight" });
  await ask("open", { gate: "eight" });
  await jobWhen(first, other, "succeeded");
  equal("attempts of a paused job, when a later job of another pipeline is done", (await api(first, `/v1/jobs/${held}`)).stages[0].attempts, 0);
  await go(page, first, `#/jobs/${held}`);
  await shown(page.locator(".job-head .notice", { hasText: "the beds are made" }), "the job's page to say why it waits");
  await go(page, first, "#/topology");
  await shown(notice(panel), "the first screen to say what is paused");
  await panel.getByRole("button", { name: "Resume sleepy" }).click();
  await dialog.getByRole("button", { name: "Resume" }).click();
  await jobWhen(first, held, "succeeded");
  await until("no notice", async () => (await notice(panel).count()) === 0);
  that("a pipeline is paused and resumed from the page", true);
}

async function drained() {
  const { gates, ids } = await fill("four");
  equal("jobs at work on the node that will be drained", gates.get(second.id).length, second.slots);
  await go(page, first, `#/topology/${second.id}`);
  await panel.getByRole("button", { name: "Drain" }).click();
  await shown(dialog.filter({ hasText: `Drain ${new URL(second.url).host}?` }), "what a drain would do");
  const plan = await api(first, `/v1/nodes/${second.id}/drain`, { dry_run: true });
  const words = await dialog.innerText();
  that("the dialog has the plan of the dry run", plan.tasks === second.slots && words.includes(`${plan.tasks} tasks`) && words.includes(`${plan.slots_left} slots of other nodes`) && words.includes(`it has ${plan.slots}`),
    `${plan.tasks} tasks, ${plan.slots_left} slots left`, "tasks and slots as the API says");
  equal("the node's state while the page asks", await stateOf(second), "active");
  await page.keyboard.press("Escape");
  await until("the dialog to close", async () => (await dialog.count()) === 0);
  equal("after Escape", await stateOf(second), "active");
  await panel.getByRole("button", { name: "Drain" }).click();
  await dialog.getByRole("button", { name: "Drain" }).click();
  await shown(panel.locator("dd", { hasText: /^draining$/ }), "the page to say draining");
  equal("the node's state with work on it, after the confirmation", await stateOf(second), "draining");
  for (const gate of gates.get(second.id)) await ask("open", { gate });
  const began = performance.now();
  await until("the drain to end", async () => (await stateOf(second)) === "drained");
  await shown(panel.locator("dd", { hasText: /^drained$/ }), "the page to say drained");
  atMost("from the end of its last task until the page says drained", (performance.now() - began) / 1000, 5, "s");
  for (const other of [first, third]) for (const gate of gates.get(other.id)) await ask("open", { gate });
  for (const id of ids) await jobWhen(first, id, "succeeded");
  await resumed();
}

async function resumed() {
  const aside = [];
  for (let k = 0; k < 2 * second.slots; k += 1) aside.push(await submit(first, "gated", { name: `five-${k}` }));
  const slots = await Promise.all(aside.map(async (id) => markOf((await eventWhen(first, id, "the stage to begin", workStarted())).slot).node));
  equal("of the next jobs those that ran at the drained node", slots.filter((node) => node === second.id).length, 0);
  await panel.getByRole("button", { name: "Resume" }).click();
  await shown(dialog, "the confirmation");
  equal("the node's state while the page asks", await stateOf(second), "drained");
  await dialog.getByRole("button", { name: "Resume" }).click();
  await until("the node to be active", async () => (await stateOf(second)) === "active");
  await shown(panel.locator("dd", { hasText: /^active$/ }), "the page to say active");
  const id = await submit(first, "gated", { name: "six" });
  const { node } = markOf((await eventWhen(first, id, "the stage to begin", workStarted())).slot);
  equal("the next job, with all other slots taken, runs at the resumed node", node, second.id);
  for (const gate of [...aside.map((_, k) => `five-${k}`), "six"]) await ask("open", { gate });
  for (const one of [...aside, id]) await jobWhen(first, one, "succeeded");
}

async function nodeLost() {
  const hash = `#/topology/${third.id}/slot`;
  await go(page, first, hash);
  await shapeWhen(page, `${third.id}/slot/slot-0`, "the slots of the third node in the picture");
  await until("the page to know the other nodes", () => page.evaluate(() => JSON.parse(sessionStorage.getItem("troupe.nodes") ?? "[]").length === 2));
  equal("errors in the console, with three nodes up", page.troubles.length, 0);
  for (const trouble of page.troubles) say(`console: ${trouble}`);
  for (const node of [second, third]) page.homes.add(new URL(node.url).host);
  const killed = performance.now();
  await ask("kill_node", { index: 0 });
  await shown(page.getByRole("alert").filter({ hasText: "cannot be reached" }), "the page to say that its node is lost");
  atMost("from kill -9 of the node that serves the page until the page says so", (performance.now() - killed) / 1000, 5, "s");
  await until("the page to go to another node by itself", () => [second, third].some((node) => page.url() === `${node.url}/inspector${hash}`), 30);
  const host = new URL(page.url()).host;
  await shapeWhen(page, `${third.id}/slot/slot-0`, "the same picture from the other node");
  atMost("until it shows the same view at another node", (performance.now() - killed) / 1000, 20, "s");
  that("the hash is kept", hashOf(page) === hash && host !== new URL(first.url).host, `${host}${hashOf(page)}`, hash);
  await go(page, { url: `http://${host}` }, "#/topology");
  await shapeWhen(page, first.id, "the dead node to be shown as silent", (shape) => shape.health === "bad" && shape.label.includes("silent"), 30);
  const here = { url: `http://${host}` };
  const id = await submitFromThePage("gated", async (form) => { await form.getByLabel("Name", { exact: true }).fill("seven"); });
  await ask("open", { gate: "seven" });
  await jobWhen(here, id, "succeeded");
  await shown(pill("succeeded"), "a job's end with two nodes");
  that("with one node less a job is submitted from the page and ends", true);
  await ask("start_node", { index: 0 });
  await go(page, here, "#/topology");
  await shapeWhen(page, first.id, "the node that came back to be shown as well", (shape) => shape.health !== "bad" && !shape.label.includes("silent"), 30);
  that("the node that came back is shown as up", (await shapeOf(page, first.id)).health !== "bad");
}

await main(browser, page, async () => {
  await seenAtWork();
  await aFilm();
  await workerKilled();
  await cancelled(await drilled());
  await deadLetter();
  await paused();
  await drained();
  await nodeLost();
  equal("requests to hosts that are no node", page.strangers.length, 0);
  const faults = page.troubles.filter((trouble) => !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|WebSocket connection/.test(trouble));
  for (const fault of faults) say(`console: ${fault}`);
  equal("errors in the console that no lost connection explains", faults.length, 0);
});
