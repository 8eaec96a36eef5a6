// Made-up actors for the nodes of a real cluster: what runs on their slots is asked of the nodes, the counters are drawn.

/// kind -> how many a node has, who supervises them, messages a second, seconds a message, and from whom they come
const CAST = {
  shard: { many: 2, parent: "node", rate: 220, time: 4e-5, from: { slot: 40, http: 60, journal: 70, links: 40, node: 10 } },
  slot: { many: 0, parent: "node", rate: 24, time: 8e-5, from: { shard: 10, worker: 12, desk: 2 } },
  worker: { many: 0, parent: null, rate: 14, time: 2e-4, from: { slot: 14 } },
  hub: { many: 1, parent: "node", rate: 90, time: 2e-5, from: { shard: 80, http: 10 } },
  front: { many: 1, parent: "node", rate: 60, time: 1e-5, from: { http: 60 } },
  desk: { many: 1, parent: "node", rate: 20, time: 1e-5, from: { slot: 20 } },
  journal: { many: 1, parent: null, rate: 75, time: 9e-4, from: { shard: 75 } },
  links: { many: 1, parent: null, rate: 110, time: 3e-5, from: { shard: 100, other: 10 } },
  http: { many: 2, parent: null, rate: 45, time: 2e-4, from: { other: 25, hub: 20 } },
  node: { many: 1, parent: null, rate: 6, time: 1e-5, from: { slot: 3, http: 1, links: 2 } },
};

class Actor {
  constructor(path, kind, name, parent, cast) {
    this.cast = cast;
    this.weight = 0.4 + Math.random() * 1.2;
    this.mark = { path, kind, name, parent, state: "running", actors: 1, waiting: 0, handled: 0, busy_seconds: 0, in_line_seconds: 0,
      received: {}, restarts: 0 };
    this.times = new Map();
  }
  step(passed, load) {
    const { mark, cast } = this;
    for (const [kind, rate] of Object.entries(cast.from)) {
      const many = Math.floor(rate * load * this.weight * passed * (0.5 + Math.random()) + Math.random());
      mark.received[kind] = (mark.received[kind] ?? 0) + many;
      mark.handled += many;
      const took = cast.time * (0.3 + Math.random() * 2);
      mark.busy_seconds += many * took;
      mark.in_line_seconds += many * took * 0.6;
      const bound = 10 ** Math.ceil(Math.log10(took) * 2 / 2);
      this.times.set(bound, (this.times.get(bound) ?? 0) + many);
    }
    mark.waiting = Math.random() < 0.1 ? Math.floor(Math.random() * 12 * this.weight) : 0;
  }
}

export class Play {
  constructor(ask, many) {
    this.ask = ask;
    this.many = many;
    this.nodes = new Map();
    this.at = Date.now();
    setInterval(() => this.look().catch(() => {}), 1000);
    setInterval(() => this.step(), 100);
    this.look().catch(() => {});
  }

  /// The members of the cluster, and what their slots run.
  async look() {
    const cluster = await this.ask("/v1/cluster");
    for (const member of cluster.nodes) {
      if (!this.nodes.has(member.id)) this.nodes.set(member.id, { actors: new Map() });
      const node = this.nodes.get(member.id);
      node.member = member;
      this.people(node);
    }
    for (const id of [...this.nodes.keys()]) if (!cluster.nodes.some((one) => one.id === id)) this.nodes.delete(id);
    await Promise.all(cluster.nodes.map((member) => this.lookAtSlots(member).catch(() => {})));
  }

  people(node) {
    const slots = (node.member.slots ?? 2) + this.many;
    for (const [kind, cast] of Object.entries(CAST)) {
      const many = kind === "slot" || kind === "worker" ? slots : cast.many;
      for (let k = 0; k < many; k += 1) {
        const name = many === 1 ? kind : `${kind}-${k}`;
        const path = `${node.member.id}/${kind}/${name}`;
        if (node.actors.has(path)) continue;
        const parent = kind === "worker" ? `slot-${k}` : cast.parent;
        node.actors.set(path, new Actor(path, kind, name, parent, cast));
      }
    }
  }

  async lookAtSlots({ id, address }) {
    const { jobs } = await this.ask("/v1/jobs?state=running&limit=20");
    const pipelines = new Map(jobs.map((job) => [job.id, job]));
    const node = this.nodes.get(id);
    for (const slot of (await this.ask("/v1/node", address)).slots) {
      const mark = node.actors.get(`${id}/slot/slot-${slot.index}`)?.mark;
      if (!mark) continue;
      mark.state = slot.state;
      mark.restarts = Math.max(0, slot.worker_starts - 1);
      const since = mark.doing?.job === slot.task?.job ? mark.doing?.since : new Date().toISOString();
      mark.doing = slot.task ? { ...slot.task, pipeline: pipelines.get(slot.task.job)?.pipeline ?? "?", since } : undefined;
    }
    if (this.many) this.pretend(node, jobs[0]?.id ?? "0000000000000000");
  }

  /// Made-up work for made-up slots.
  pretend(node, job) {
    for (const { mark } of node.actors.values()) {
      if (mark.kind !== "slot" || Math.random() > 0.3) continue;
      const permille = Math.floor(Math.random() * 1000);
      mark.doing = Math.random() < 0.6 ? { job, pipeline: "video-message", stage: "still", instance: 0, attempt: 1, permille,
        since: new Date().toISOString() } : undefined;
      mark.state = mark.doing ? "running" : "idle";
    }
  }

  step() {
    const now = Date.now();
    const passed = (now - this.at) / 1000;
    this.at = now;
    for (const node of this.nodes.values()) {
      const load = 0.2 + (node.member?.tasks ?? 0) * 0.8;
      for (const actor of node.actors.values()) if (!this.many || Math.random() < 0.5) actor.step(passed, load);
    }
  }

  /// What a client with this wish is told.
  marks(wish) {
    const out = new Map();
    const put = (mark) => out.set(mark.path, mark);
    for (const [id, { member, actors }] of this.nodes) {
      const silent = (member.silent_ms ?? 0) > 3000;
      put(sumOf(id, "node", member.address, silent ? "silent" : member.state === "active" ? "up" : member.state, [...actors.values()]));
      if (!wish.open.includes(id)) continue;
      for (const kind of Object.keys(CAST)) {
        const group = [...actors.values()].filter((actor) => actor.mark.kind === kind);
        put(sumOf(`${id}/${kind}`, kind, kind, undefined, group));
        if (!wish.open.includes(`${id}/${kind}`)) continue;
        for (const actor of group.slice(0, wish.most)) {
          put(wish.open.includes(actor.mark.path) ? { ...actor.mark, times: [...actor.times].sort(([a], [b]) => a - b) } : actor.mark);
        }
      }
    }
    return out;
  }
}

function sumOf(path, kind, name, state, actors) {
  const sum = { path, kind, name, parent: null, state, actors: actors.length, waiting: 0, handled: 0, busy_seconds: 0, in_line_seconds: 0,
    received: {}, restarts: 0 };
  for (const { mark } of actors) {
    for (const field of ["waiting", "handled", "busy_seconds", "in_line_seconds", "restarts"]) sum[field] += mark[field];
    for (const [from, many] of Object.entries(mark.received)) sum.received[from] = (sum.received[from] ?? 0) + many;
  }
  return sum;
}
