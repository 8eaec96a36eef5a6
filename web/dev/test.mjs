// Bundles each tests/*.test.ts with the esbuild that Vite brings, and runs them with node's own test runner.
import { build } from "esbuild";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const tests = fileURLToPath(new URL("../tests/", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "troupe-web-"));
const names = readdirSync(tests).filter((name) => name.endsWith(".test.ts"));
await build({ entryPoints: names.map((name) => join(tests, name)), outdir: out, bundle: true, platform: "node", format: "esm", target: "node18",
  outExtension: { ".js": ".mjs" }, logLevel: "warning" });
const run = spawnSync(process.execPath, ["--test", ...names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")))], { stdio: "inherit" });
rmSync(out, { recursive: true });
process.exit(run.status ?? 1);
