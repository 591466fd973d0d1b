// Defects of the mock radio (@zwave-js/testing 15.29.0), each with the harm it does.
"use strict";

const {
  CommandClass,
  Security2CC,
  Security2CCMessageEncapsulation,
  Security2CCNonceGet,
  Security2CCNonceReport,
} = require("@zwave-js/cc");
const { EncapsulationFlags, SPANState } = require("@zwave-js/core");
const { MessageHeaders } = require("@zwave-js/serial");
const { AddNodeToNetworkRequest, AddNodeType } = require("@zwave-js/serial/serialapi");
const { createMockZWaveRequestFrame } = require("@zwave-js/testing");

const TRIM_EVERY_MS = 60_000;
const NONCE_WITHIN_MS = 1000;

const log = (error) => console.error(`mock radio: ${error.message}`);

/** A frame the mock cannot decode ends its air loop for good: every lock looks dead until a restart. */
function surviveUndecodableFrames(controller) {
  const add = controller.air.add.bind(controller.air);
  controller.air.add = (frame) => {
    const { payload } = frame;
    if (typeof payload !== "function") return add(frame);
    const decode = async () => {
      try {
        return await payload();
      } catch (error) {
        log(error);
        return new CommandClass({ nodeId: controller.ownNodeId, ccId: 0, ccCommand: 0 });
      }
    };
    return add({ ...frame, payload: decode });
  };
}

/** Whatever the mock controller throws is an unhandled rejection, which ends the process. */
function surviveControllerErrors(controller) {
  const receive = controller.serialOnData.bind(controller);
  controller.serialOnData = async (data) => {
    if (data !== MessageHeaders.CAN) await receive(data).catch(log);
  };
  const expectHostAck = controller.expectHostACK.bind(controller);
  controller.expectHostACK = (...args) => expectHostAck(...args).catch(log);
}

/** The mock remembers every frame for ever. */
function forgetOldFrames(controller) {
  setInterval(() => {
    controller.clearReceivedHostMessages();
    for (const node of controller.nodes.values()) {
      node.clearReceivedControllerFrames();
      node.clearSentControllerFrames();
    }
  }, TRIM_EVERY_MS).unref();
}

const isNonce = (command) => command instanceof Security2CCNonceReport && command.SOS;

/**
 * The mock sends reports of its own accord in the clear even from S2 locks, and the driver drops
 * them. Nor does it say again what the driver could not decrypt, as when both spoke at once.
 */
function speakS2(node) {
  const joining = () => node.state.has("Security2_bootstrapState"); // then it speaks as the mock does
  const { securityManager2 } = node.securityManagers;
  if (!securityManager2) return;
  const send = node.sendToController.bind(node);
  const encrypt = (command) => Security2CC.encapsulate(command, node.id, node.securityManagers);
  const controllerId = node.controller.ownNodeId;
  let lastSaid;

  // Without a nonce of the driver's nothing can be encrypted, as after a restart.
  async function obtainNonce() {
    const { type } = securityManager2.getSPANState(controllerId);
    if (type === SPANState.SPAN || type === SPANState.RemoteEI) return;
    const nonce = node.expectControllerFrame((frame) => isNonce(frame.payload), {
      timeout: NONCE_WITHIN_MS,
      preventDefault: true,
    });
    const question = new Security2CCNonceGet({ nodeId: controllerId });
    await Promise.all([nonce, send(createMockZWaveRequestFrame(question, { ackRequested: false }))]);
  }

  node.sendToController = async (frame) => {
    let { payload } = frame;
    if (joining()) return send(frame);
    if (payload instanceof CommandClass && node.implementedCCs.get(payload.ccId)?.secure) {
      try {
        await obtainNonce();
      } catch (error) {
        return log(error);
      }
      payload.toggleEncapsulationFlag(EncapsulationFlags.Security, true);
      payload = encrypt(payload);
    }
    if (payload instanceof Security2CCMessageEncapsulation) lastSaid = payload.encapsulated;
    return send({ ...frame, payload });
  };

  // A nonce that was not asked for means that the driver could not decrypt. Last in the list, so
  // that a dead lock does not get here.
  node.behaviors.push({
    handleCC(_controller, _node, command) {
      if (joining() || !isNonce(command) || !lastSaid) return undefined;
      const again = encrypt(lastSaid);
      lastSaid = undefined; // said twice, not for ever
      return { action: "sendCC", cc: again };
    },
  });
}

/** The mock takes a stop of what has ended for a start, and then has no ear for the next one. */
const ignoreLateStops = {
  onHostMessage(controller, message) {
    const idle = !controller.state.get("inclusionState");
    return idle && message instanceof AddNodeToNetworkRequest && message.addNodeType === AddNodeType.Stop;
  },
};

function applyWorkarounds(controller) {
  controller.defineBehavior(ignoreLateStops);
  surviveUndecodableFrames(controller);
  surviveControllerErrors(controller);
  forgetOldFrames(controller);
  for (const node of controller.nodes.values()) speakS2(node);
}

module.exports = { applyWorkarounds, speakS2 };
