// A stand-in for a node while the page is worked on: serves dist/, passes REST on to a real node, and makes up /v1/inspect.
//   node dev/mock.mjs [--port 5180] [--node 127.0.0.1:8080] [--actors 0]
// `--actors N` adds a group of N made-up slots to each node, to see how many the page bears.
import { createServer, request } from "node:http";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { Play } from "./play.mjs";

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const port = Number(option("port", 5180));
const [host, nodePort] = option("node", "127.0.0.1:8080").split(":");
const many = Number(option("actors", 0));

const files = {
  "/inspector": ["inspector.html", "text/html; charset=utf-8"],
  "/inspector.js": ["inspector.js", "text/javascript; charset=utf-8"],
  "/inspector.css": ["inspector.css", "text/css; charset=utf-8"],
};
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function readBody(incoming) {
  return new Promise((resolve) => {
    const parts = [];
    incoming.on("data", (part) => parts.push(part)).on("end", () => resolve(Buffer.concat(parts)));
  });
}

/// Passes a request on as one of a program on the node's own machine.
function pass(method, path, headers, body, address = `${host}:${nodePort}`) {
  return new Promise((resolve, reject) => {
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) =>
      !["host", "origin", "connection", "content-length", "transfer-encoding"].includes(name) && !name.startsWith("sec-")));
    if (body.length) kept["content-length"] = body.length;
    const [at, port] = address.split(":");
    const out = request({ host: at, port, method, path, headers: kept }, resolve);
    out.on("error", reject);
    out.end(body);
  });
}

async function textOf(path, address) {
  const answer = await pass("GET", path, {}, "", address);
  return JSON.parse(await readBody(answer));
}

/// The endpoint that nodes are to get: the same request again, as a new job.
async function retry(id, response) {
  const job = await textOf(`/v1/jobs/${id}`);
  const ended = ["succeeded", "failed", "cancelled", "dead"].includes(job.state);
  if (!ended) {
    response.writeHead(409, { "Content-Type": "application/problem+json" });
    response.end(JSON.stringify({ status: 409, code: "conflict", detail: "the job has not ended" }));
    return;
  }
  const body = JSON.stringify({ pipeline: job.pipeline, inputs: job.inputs, labels: job.labels, priority: job.priority });
  const answer = await pass("POST", "/v1/jobs", { "content-type": "application/json" }, body);
  response.writeHead(answer.statusCode, answer.headers);
  answer.pipe(response);
}

const server = createServer(async (incoming, response) => {
  const path = incoming.url.split("?")[0];
  try {
    if (files[path]) {
      const [name, type] = files[path];
      response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": policy, "Cache-Control": "no-cache" });
      response.end(readFileSync(fileURLToPath(new URL(`../dist/${name}`, import.meta.url))));
      return;
    }
    const again = /^\/v1\/jobs\/([0-9a-f]{16})\/retry$/.exec(path);
    if (again && incoming.method === "POST") return await retry(again[1], response);
    const answer = await pass(incoming.method, incoming.url, incoming.headers, await readBody(incoming));
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
    response.on("close", () => answer.destroy());
  } catch (failure) {
    response.destroy(failure);
  }
});

const play = new Play(textOf, many);
const sockets = new WebSocketServer({ server, path: "/v1/inspect" });
sockets.on("connection", (socket) => {
  let wish = null;
  let known = new Map();
  let seq = 0;
  let timer = null;
  let sentAt = 0;
  const turn = () => {
    const now = play.marks(wish);
    const full = seq === 0;
    const changed = [...now.values()].filter((mark) => known.get(mark.path) !== JSON.stringify(mark));
    const gone = [...known.keys()].filter((path) => !now.has(path));
    if (!full && !changed.length && !gone.length && Date.now() - sentAt < 1000) return;
    sentAt = Date.now();
    seq += 1;
    socket.send(JSON.stringify({ seq, at: new Date().toISOString(), full, marks: full ? [...now.values()] : changed, gone }));
    known = new Map([...now].map(([path, mark]) => [path, JSON.stringify(mark)]));
  };
  socket.on("message", (text) => {
    wish = JSON.parse(text);
    clearInterval(timer);
    timer = setInterval(turn, 1000 / wish.hz);
    turn();
  });
  socket.on("close", () => clearInterval(timer));
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/inspector, with the jobs of ${host}:${nodePort}`));
