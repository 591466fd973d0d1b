// A lock in a person's hands that is in no network yet, and joins at the next inclusion.
"use strict";

const { Security2CC, Security2CCKEXSet, Security2CCNonceReport } = require("@zwave-js/cc");
const { dskToString, SecurityClass } = require("@zwave-js/core");
const { createMockZWaveRequestFrame } = require("@zwave-js/testing");
const { createDefaultMockNodeBehaviors } = require("zwave-js/Testing");
const { behavioursOf } = require("./behaviours.cjs");
const { Lock } = require("./lock.cjs");
const { definition } = require("./locks.cjs");
const { speakS2 } = require("./workarounds.cjs");

const DSK_BYTES = 16; // the beginning of the lock's public key

const HANDSHAKE = 1; // the mock's stage in which it has said its KEX Set and waits
const AGAIN_MS = 500; // a real lock takes 10 s

/** A lock says its KEX Set again and again, since the server cannot read it before it has the digits. */
function repeatKexSet(node) {
  const send = node.sendToController.bind(node);
  const waits = () => node.state.get("Security2_bootstrapState")?.stage === HANDSHAKE;
  let said;
  const again = () => Security2CC.encapsulate(said, node.id, node.securityManagers);
  node.sendToController = (frame) => {
    if (!said && frame.payload?.encapsulated instanceof Security2CCKEXSet) {
      said = frame.payload.encapsulated;
      const timer = setInterval(() => {
        if (!waits()) return clearInterval(timer);
        return void send(createMockZWaveRequestFrame(again(), { ackRequested: false }));
      }, AGAIN_MS).unref();
    }
    return send(frame);
  };
  node.defineBehavior({
    handleCC(_controller, _node, command) {
      if (!said || !waits() || !(command instanceof Security2CCNonceReport)) return undefined;
      return { action: "sendCC", cc: again() };
    },
  });
}

class Joining {
  #network;
  #dsk = null;

  /** `network`: {controller, locks, memory, options}. */
  constructor(network) {
    this.#network = network;
  }

  /** What is printed on the lock; null until the server has met it. */
  describe() {
    return { dsk: this.#dsk };
  }

  /** Lock `id`, which wants the security classes with these names, else its own. */
  offer(id, classes) {
    const { controller, locks, memory, options } = this.#network;
    const { capabilities } = definition(id, options);
    if (classes) capabilities.securityClasses = new Set(classes.map((name) => SecurityClass[name]));
    this.#dsk = null;
    controller.nodePendingInclusion = {
      id,
      capabilities,
      setup: (node) => {
        const lock = new Lock(node, memory, options.slots);
        node.defineBehavior(...behavioursOf(lock));
        speakS2(node);
        repeatKexSet(node);
        locks.set(id, lock);
        this.#dsk = dskToString(node.ecdhKeyPair.publicKey.subarray(0, DSK_BYTES));
      },
    };
  }
}

module.exports = { Joining };
