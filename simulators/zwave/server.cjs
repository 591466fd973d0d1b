// The whole Z-Wave side of a site in one process: the real driver and the real server, on a mock
// controller whose network is simulated locks.
//
//   node server.cjs '{"wsPort": 0, "controlPort": 0, "nodes": [2, 3], "slots": 30, "txDelay": 0,
//                     "cache": DIRECTORY, "memory": FILE or null, "scratch": DIRECTORY}'
//
// Prints one line of JSON with the ports when the locks have been interviewed; all else goes to
// stderr. Ends on SIGTERM, on SIGINT, and when its stdin closes, which it does when the parent
// dies: then it removes the scratch directory in the parent's place.
"use strict";

console.log = console.info = console.error; // stdout carries the ready line alone

const fs = require("node:fs");
const path = require("node:path");
const { ZwavejsServer } = require("@zwave-js/server");
const { MockPort } = require("@zwave-js/serial/mock");
const { MockController, MockNode } = require("@zwave-js/testing");
const { Driver, InterviewStage, NodeStatus } = require("zwave-js");
const mock = require("zwave-js/Testing");

const { behavioursOf } = require("./behaviours.cjs");
const { Control } = require("./control.cjs");
const { Jam } = require("./jam.cjs");
const { Joining } = require("./joining.cjs");
const { Lock } = require("./lock.cjs");
const { definition } = require("./locks.cjs");
const { Memory } = require("./memory.cjs");
const { Wire } = require("./wire.cjs");
const { applyWorkarounds } = require("./workarounds.cjs");
const config = require("./server.config.json");

// zwave-js keeps a stack with each frame, and source-map-support spends an eighth of the start on them.
Error.prepareStackTrace = undefined;

const HOME_ID = 0x7ff00001;
const INTERVIEW_LIMIT_MS = 180_000;
const STOP_LIMIT_MS = 2000;
const PROGRESS = ["ready", "interview completed", "interview failed", "dead"];
const securityKeys = Object.fromEntries(
  Object.entries(config.securityKeys).map(([name, hex]) => [name, Buffer.from(hex, "hex")]),
);

/** Puts the locks on the air around `mockPort`; the locks, the wire and the air to them, and who may join. */
async function createNetwork(options, mockPort, serial) {
  const identity = { ownNodeId: 1, homeId: HOME_ID, securityKeys };
  const controller = await MockController.create({ ...identity, mockPort, serial });
  controller.defineBehavior(...mock.createDefaultMockControllerBehaviors());
  const memory = new Memory(options.memory);
  const locks = new Map();
  for (const id of options.nodes) {
    const node = await MockNode.create({ ...definition(id, options), controller });
    const lock = new Lock(node, memory, options.slots);
    node.defineBehavior(...mock.createDefaultMockNodeBehaviors());
    node.defineBehavior(...behavioursOf(lock));
    controller.addNode(node);
    locks.set(id, lock);
  }
  applyWorkarounds(controller);
  const joining = new Joining({ controller, locks, memory, options });
  return { locks, wire: new Wire(controller), air: new Jam(controller), joining };
}

/** Resolves when each lock is interviewed, or will not be for now. */
function interviewed(driver) {
  const nodes = [...driver.controller.nodes.values()].filter((node) => !node.isControllerNode);
  const settled = (node) =>
    (node.ready && node.interviewStage === InterviewStage.Complete) || node.status === NodeStatus.Dead;
  return new Promise((resolve) => {
    const look = () => nodes.every(settled) && resolve();
    for (const node of nodes) {
      for (const event of PROGRESS) node.on(event, look);
    }
    setTimeout(resolve, INTERVIEW_LIMIT_MS).unref();
    look();
  });
}

/** Whoever installs a lock that sleeps wakes it by hand until it is interviewed. */
function wakeNewSleepers(driver, locks) {
  for (const lock of [...locks.values()].filter(({ sleeper }) => sleeper)) {
    const node = driver.controller.nodes.get(lock.id);
    const wake = () => {
      const isNew = node.interviewStage !== InterviewStage.Complete;
      if (isNew && node.status === NodeStatus.Asleep) lock.wake();
    };
    node.on("sleep", wake);
    wake();
  }
}

async function startServer(driver, port) {
  const complain = (message, error) => console.error(`zwave-js-server: ${message} ${error?.message ?? ""}`);
  const server = new ZwavejsServer(driver, {
    port,
    host: "127.0.0.1",
    enableDNSServiceDiscovery: false,
    logger: { debug() {}, info() {}, warn: complain, error: complain }, // without stack traces
  });
  server.defaultPort = 0; // the server takes port 0 for "none given"
  server.on("error", () => {}); // start() throws it too
  await server.start(true);
  return server;
}

async function main(options) {
  let network;
  let server;
  let stop = () => process.exit(0);
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop());
  process.stdin.resume().on("end", () => {
    process.on("exit", () => fs.rmSync(options.scratch, { recursive: true, force: true }));
    stop();
  });

  const port = new MockPort();
  const driver = new Driver(port.factory(), {
    ...config,
    securityKeys,
    storage: {
      ...config.storage,
      cacheDir: options.cache,
      // Of this process alone, so that the lock files of a killed one do not bar the next.
      lockDir: fs.mkdtempSync(path.join(options.scratch, "locks-")),
    },
    testingHooks: {
      skipFirmwareIdentification: true, // the mock controller has no boot loader
      onSerialPortOpen: async (serial) => {
        process.env.NODE_ENV = "test"; // or the driver waits 1 s for that boot loader
        network = await createNetwork(options, port, serial);
      },
    },
  });
  driver.on("error", (error) => console.error(`driver: ${error.message}`));

  const ready = new Promise((resolve) => driver.once("driver ready", resolve));
  await driver.start();
  stop = async () => {
    stop = () => {};
    setTimeout(() => process.exit(0), STOP_LIMIT_MS).unref();
    await server?.destroy();
    await driver.destroy();
    process.exit(0);
  };
  await ready;
  delete process.env.NODE_ENV;
  server = await startServer(driver, options.wsPort);
  const controlPort = await new Control(network).listen(options.controlPort);
  wakeNewSleepers(driver, network.locks);
  await interviewed(driver);
  process.stdout.write(`${JSON.stringify({ wsPort: server.server.address().port, controlPort })}\n`);
}

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error.code ? error.message : error); // a code: of the system, and no bug
  process.exit(1);
});
