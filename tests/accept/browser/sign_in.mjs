// A1: a browser on another machine signs in with the API key, sees everything live, and is out again.
import { config, equal, launch, main, newPage, that, until } from "./browser.mjs";

const [node] = config.nodes;
const browser = await launch();
const page = await newPage(browser, { ignoreHTTPSErrors: true });
const shown = (locator) => locator.first().isVisible();
const heading = page.getByRole("heading", { name: "Sign in" });
const field = page.getByLabel("API key");
const enter = async (key) => {
  await field.fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
};

/** Both pages ask, refuse a wrong key with a word, and take the right one. */
async function signIn(path) {
  await page.goto(`${node.url}${path}`);
  await until("the page to ask for the key", () => shown(heading));
  await page.screenshot({ path: `${config.pictures}/sign-in${path === "/" ? "-plain" : ""}.png` });
  await enter("troupe_0000");
  await until("a word on the wrong key", () => shown(page.getByRole("alert").filter({ hasText: "This is not the API key" })));
  that(`${path}: a wrong key is refused with a word`, await shown(heading));
  page.troubles.length = 0;  // the browser's own note of each 401
  await enter(config.key);
  await until("the page to be open", async () => !(await shown(heading)));
}

await main(browser, page, async () => {
  await signIn("/inspector#/topology");
  await until("the node's mark in the picture", () => page.evaluate((id) => document.querySelector(".picture canvas")?.scene?.shape(id) !== undefined, node.id));
  that("signed in, the picture is live", true);
  equal("what a script of the page can read of the cookie", await page.evaluate(() => document.cookie), "");
  await page.getByRole("link", { name: "Slots" }).click();
  await until("the slots", () => shown(page.getByRole("heading", { name: /slots/i })));
  equal("errors after it was signed in", page.troubles.length ? page.troubles.join("; ") : "none", "none");
  await page.getByRole("button", { name: "Sign out" }).click();
  await until("the page to ask for the key again", () => shown(heading));
  equal("what the node answers then", await page.evaluate(async () => (await fetch("/v1/node")).status), 401);
  await signIn("/");
  await until("the plain page's form", () => shown(page.getByRole("heading", { name: "Make a video" })));
  await until("the plain page to be live", async () => /live/.test(await page.locator("#status-text").innerText()));
  that("the plain page is live as well", true);

  // Another tab, whose sign-in comes to its end while something is typed.
  const other = await page.context().newPage();
  await other.goto(`${node.url}/inspector#/submit?pipeline=video-message`);
  await until("the form", () => other.getByLabel("Text").first().isVisible());
  await other.getByLabel("Text").first().fill("half a sentence");
  const [cookie] = await page.context().cookies();
  equal("the cookie is out of the reach of scripts, for this host and TLS alone", [cookie.httpOnly, cookie.secure, cookie.sameSite].join(), "true,true,Strict");
  await page.context().clearCookies();
  await until("the tab to ask for the key", () => other.getByRole("heading", { name: "Sign in" }).isVisible());
  await until("the field to have the focus", () => other.getByLabel("API key").evaluate((element) => element === document.activeElement));
  await until("the plain page to ask as well", async () => { await page.reload(); return shown(heading); });
  await enter(config.key);
  await until("the other tab to go on by itself", async () => !(await other.getByRole("heading", { name: "Sign in" }).isVisible()));
  equal("what was typed", await other.getByLabel("Text").first().inputValue(), "half a sentence");
  await page.getByRole("button", { name: "Sign out" }).click();
  await until("the plain page to be closed", () => shown(heading));
  equal("cookies after signing out", (await page.context().cookies()).length, 0);
});
