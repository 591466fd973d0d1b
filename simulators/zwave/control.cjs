// The control port: JSON over HTTP, on loopback only.
//   GET  /nodes        GET /nodes/N        GET  /frames
//   POST /nodes/N/VERB (verbs.cjs)         POST /frames sets the counters to zero
//   POST /air {jammed}                     GET  /air      whether no frame gets through
//   POST /joining {id, classes?}           GET  /joining  the DSK of the lock that joined last
"use strict";

const { once } = require("node:events");
const http = require("node:http");
const { Refused, VERBS } = require("./verbs.cjs");

const LARGEST_BODY = 65_536;

async function readBody(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > LARGEST_BODY) throw new Refused(413, `a body has at most ${LARGEST_BODY} characters`);
  }
  if (!text) return {};
  let body;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Refused(400, `not JSON: ${error.message}`);
  }
  const isObject = body !== null && typeof body === "object" && !Array.isArray(body);
  if (!isObject) throw new Refused(400, "want a JSON object");
  return body;
}

function allow(method, ...methods) {
  if (!methods.includes(method)) {
    throw new Refused(405, `${method} is not allowed here; ${methods.join(" or ")} is`);
  }
}

/** Answers requests about `locks` ({id: Lock}), the `wire`, the `air`, and the lock that is `joining`. */
class Control {
  #locks;
  #wire;
  #air;
  #joining;

  constructor({ locks, wire, air, joining }) {
    this.#locks = locks;
    this.#wire = wire;
    this.#air = air;
    this.#joining = joining;
  }

  #frames(method) {
    allow(method, "GET", "POST");
    const locks = [...this.#locks.values()];
    if (method === "POST") {
      this.#wire.reset();
      for (const lock of locks) lock.exchanges = { get: 0, set: 0 };
    }
    const exchanges = Object.fromEntries(locks.map((lock) => [lock.id, lock.exchanges]));
    return { ...this.#wire.counters, exchanges };
  }

  #jam(method, { jammed }) {
    allow(method, "GET", "POST");
    if (method === "POST") this.#air.jammed = jammed === true;
    return { jammed: this.#air.jammed };
  }

  #offer(method, { id, classes }) {
    allow(method, "GET", "POST");
    if (method === "POST") this.#joining.offer(id, classes);
    return this.#joining.describe();
  }

  #act(lock, verb, body) {
    if (!Object.hasOwn(VERBS, verb)) {
      throw new Refused(404, `no verb ${verb}; there are ${Object.keys(VERBS).join(", ")}`);
    }
    return VERBS[verb](lock, body) ?? lock.describe();
  }

  async #answer(request) {
    const { method } = request;
    const { pathname } = new URL(request.url, "http://localhost");
    const [resource, id, verb, ...rest] = pathname.split("/").filter(Boolean);
    const body = await readBody(request);
    if (resource === "frames" && id === undefined) return this.#frames(method);
    if (resource === "air" && id === undefined) return this.#jam(method, body);
    if (resource === "joining" && id === undefined) return this.#offer(method, body);
    if (resource !== "nodes" || rest.length > 0) {
      throw new Refused(404, "there are /nodes, /nodes/N, /nodes/N/VERB, /frames, /air and /joining");
    }
    if (id === undefined) {
      allow(method, "GET");
      return [...this.#locks.values()].map((lock) => lock.describe());
    }
    const lock = this.#locks.get(Number(id));
    if (!lock) throw new Refused(404, `no node ${id}; there are ${[...this.#locks.keys()].join(", ")}`);
    allow(method, verb === undefined ? "GET" : "POST");
    return verb === undefined ? lock.describe() : this.#act(lock, verb, body);
  }

  /** Listens on `port` (0 = any free one); the port. */
  async listen(port) {
    const server = http.createServer(async (request, response) => {
      const reply = (status, body) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      };
      try {
        reply(200, await this.#answer(request));
      } catch (error) {
        if (!(error instanceof Refused)) console.error(error);
        reply(error.status ?? 500, { error: error.message });
      }
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server.address().port;
  }
}

module.exports = { Control };
