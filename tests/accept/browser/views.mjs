// A2: each view as it is for people: axe-core finds nothing serious, nothing is wider than a telephone, nothing comes from elsewhere.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { api, ask, atRest, config, equal, eventWhen, go, jobWhen, launch, main, markOf, newPage, say, shapeWhen, submit, that, until, workStarted } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [first, second] = config.nodes;
const browser = await launch();
let open = null;

const there = (selector, least = 1) => (page) => until(`${least} of ${selector}`, async () => (await page.locator(selector).count()) >= least);

const gone = (selector) => (page) => until(`no ${selector}`, async () => (await page.locator(selector).count()) === 0);

/** What is there to see: a job that works, one that gave up, and the slot of the first. */
async function prepare() {
  const running = await submit(first, "gated", { name: "seen" });
  const { path } = markOf((await eventWhen(first, running, "the stage to begin", workStarted())).slot);
  const dead = await submit(first, "doomed", {});
  await jobWhen(first, dead, "dead");
  await api(first, "/v1/queue/pause", { pipeline: "sleepy", reason: "the beds are made, and a reason may be as long as this one, which wants more than one line" });
  const film = (await api(first, "/v1/jobs?state=succeeded&limit=1")).jobs[0];
  return { running, path, dead, film };
}

const picture = async (page, path) => {
  for (const node of config.nodes) await shapeWhen(page, node.id, "all nodes in the picture");
  if (path) await shapeWhen(page, path, `${path} to be chosen`, (shape) => shape.isChosen);
  await atRest(page);
};

function viewsOf({ running, path, dead }) {
  return [
    ["topology", "#/topology", async (page) => { await picture(page); await there(".details table.data tbody tr", 3)(page); await there(".trend-line .line", 6)(page); await there(".details .notice.pause")(page); }],
    ["topology held", "#/topology", async (page) => { await picture(page); await page.keyboard.press("p"); await there(".is-held .held")(page); }],
    ["node", `#/topology/${second.id}`, async (page) => { await picture(page, second.id); await there(".details .actions button")(page); }],
    ["slots of a node", `#/topology/${path.split("/").slice(0, 2).join("/")}`, async (page) => { await picture(page, path.split("/").slice(0, 2).join("/")); await there(".details table.data tbody tr")(page); }],
    ["actor", `#/topology/${path}`, async (page) => { await picture(page, path); await there(".details .doing")(page); await there(".details .histogram")(page); }],
    ["supervision", `#/topology/${second.id}?edges=supervision`, (page) => picture(page, second.id)],
    ["table", `#/topology/${second.id}?as=table`, async (page) => { await there(".topology table.data tbody tr", 5)(page); await gone(".topology .empty")(page); }],
    ["jobs", "#/jobs", there(".jobs-table tbody tr", 10)],
    ["job running", `#/jobs/${running}`, async (page) => { await there(".job-head .pill.running")(page); await there(".gantt a.piece", 2)(page); await there(".written")(page); }],
    ["job dead", `#/jobs/${dead}`, async (page) => { await there(".job-head .pill.dead")(page); await there(".gantt a.piece", 2)(page); await there(".log li", 5)(page); }],
    ["retry dialog", `#/jobs/${dead}`, async (page) => { await there(".job-head .pill.dead")(page); await page.locator(".job-head .actions button").click(); await there("dialog[open]")(page); }],
    ["submit", "#/submit?pipeline=video-message", there("form.fields .field", 5)],
    ["slots", "#/slots", async (page) => { await there(".slot-list li", 6)(page); await there("section[aria-labelledby=dead-title] tbody tr")(page); await there(".notice.pause")(page); }],
    ["pause dialog", "#/slots", async (page) => { await page.getByRole("button", { name: "Pause…" }).click(); await there("dialog[open] option", 3)(page); }],
    ["scaling", "#/scaling", there(".scaling .card")],
    ["events", "#/events", there(".timeline li", 5)],
    ["drain dialog", `#/topology/${second.id}`, async (page) => { await picture(page, second.id); await page.locator(".details").getByRole("button", { name: "Drain" }).click(); await there("dialog[open] li", 3)(page); }],
  ];
}

const scan = (page) => page.evaluate(async () => {
  const found = await window.axe.run(document, { resultTypes: ["violations"] });
  return { rules: found.passes.length + found.violations.length, violations: found.violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.split("\n").slice(1, 2).join("").trim()}`) })) };
});

/** That each look sees what it looks for: a word in the console, something wide, and a button without a name are planted, and taken away again. */
async function seesFaults(page) {
  const before = page.troubles.length;
  await page.evaluate(() => { console.error("planted"); });
  await until("the planted word", () => page.troubles.length === before + 1);
  page.troubles.pop();
  await page.evaluate(() => { const wide = document.createElement("div"); wide.id = "wide"; wide.style.width = "3000px"; wide.textContent = "-"; document.querySelector("main").append(wide); });
  const excess = await tooWide(page);
  await page.evaluate(() => document.getElementById("wide").remove());
  await page.evaluate(() => { const button = document.createElement("button"); button.id = "planted"; (document.querySelector("dialog[open]") ?? document.querySelector("main")).append(button); });
  const { violations } = await scan(page);
  await page.evaluate(() => document.getElementById("planted").remove());
  return excess > 1000 && violations.some((one) => one.id === "button-name");
}

/** How far the page is wider than the window, and who hides that. */
const tooWide = (page) => page.evaluate(() => {
  const hidden = [document.documentElement, document.body].some((element) => ["hidden", "clip"].includes(getComputedStyle(element).overflowX));
  return hidden ? Infinity : document.documentElement.scrollWidth - window.innerWidth;
});

const seen = { scans: 0, rules: Infinity, bad: [], wide: [], troubles: [], strangers: [], pages: new Set(), planted: 0 };

async function look(page, [name, hash, ready], theme, width) {
  await go(page, first, hash);
  await page.reload();  // a view is also a first load
  await ready(page);
  await page.evaluate(axe);
  const { rules, violations } = await scan(page);
  seen.scans += 1;
  seen.rules = Math.min(seen.rules, rules);
  for (const each of violations) {
    say(`${name}, ${theme}, ${width} px: ${each.impact} ${each.id}: ${each.nodes.join(" | ")}`);
    if (["serious", "critical"].includes(each.impact)) seen.bad.push(each.id);
  }
  const excess = await tooWide(page);
  if (width === 390 && excess > 0) { seen.wide.push(name); say(`${name}, ${theme}: ${excess} px too wide`); }
  seen.pages.add(`${name} ${theme} ${width}`);
  await page.screenshot({ path: `${config.pictures}/${name.replace(/ /g, "-")}-${theme}-${width}.png`, fullPage: !name.endsWith("dialog") });
}

await main(browser, { url: () => open?.url(), screenshot: (options) => open.screenshot(options) }, async () => {
  await until("the load to have done something", async () => (await api(first, "/v1/jobs?state=succeeded&limit=20")).jobs.length === 20, 60);
  const views = viewsOf(await prepare());
  for (const theme of ["light", "dark"]) {
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      await jobWhen(first, await submit(first, "doomed", {}), "dead");  // a list of dead letters shows those among the newest 1,000 jobs
      const page = open = await newPage(browser, { viewport: { width, height }, colorScheme: theme });
      for (const view of views) await look(page, view, theme, width);
      that(`the theme is ${theme} at ${width} px`, (await page.evaluate(() => document.documentElement.dataset.theme)) === theme);
      seen.planted += await seesFaults(page);
      seen.troubles.push(...page.troubles);
      seen.strangers.push(...page.strangers);
      that(`requests that were looked at, ${theme}, ${width} px`, page.asked > 10 * views.length, String(page.asked), `> ${10 * views.length}`);
      await page.context().close();
    }
  }
  await ask("open", { gate: "seen" });
  for (const trouble of seen.troubles) say(`console: ${trouble}`);
  equal("views, each in two themes and two widths", seen.pages.size, views.length * 4);
  that("fewest rules of axe-core that had something to judge in a view", seen.rules >= 12, String(seen.rules), ">= 12");
  equal("themes and widths in which planted faults were found: a button without a name, something wide, a word in the console", seen.planted, 4);
  equal("serious or critical findings of axe-core", seen.bad.length, 0);
  equal("views that scroll sideways at 390 px", seen.wide.length, 0);
  equal("errors in the console", seen.troubles.length, 0);
  equal("requests to other hosts", seen.strangers.length, 0);
});
