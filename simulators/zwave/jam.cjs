// A jammed air: no frame gets through either way, and the controller says of each that it could not
// be sent.
"use strict";

const { TransmitStatus, ZWaveDataRate } = require("@zwave-js/core");

const NOT_SENT = { txTicks: 0, routeSpeed: ZWaveDataRate["100k"], repeaterNodeIds: [] };

class Jam {
  jammed = false;

  constructor(controller) {
    const send = controller.sendToNode.bind(controller);
    controller.sendToNode = async (node, frame) => (this.jammed ? undefined : send(node, frame));
    controller.defineBehavior({ onNodeFrame: () => this.jammed }); // true: nobody else hears it
    const tell = controller.sendMessageToHost.bind(controller);
    controller.sendMessageToHost = (message, ...from) => {
      if (this.jammed && "transmitStatus" in message) {
        Object.assign(message, { transmitStatus: TransmitStatus.Fail, txReport: NOT_SENT });
      }
      return tell(message, ...from);
    };
  }
}

module.exports = { Jam };
