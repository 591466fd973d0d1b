// Counts what goes over the serial line between host and controller.
"use strict";

class Wire {
  constructor(controller) {
    this.reset();
    controller.defineBehavior({
      onHostData: (_controller, data) => {
        this.#count("tx", data);
        return false; // only looked at
      },
    });
    const emitData = controller.mockPort.emitData.bind(controller.mockPort);
    controller.mockPort.emitData = (data) => {
      this.#count("rx", data);
      emitData(data);
    };
  }

  reset() {
    this.counters = { tx: 0, rx: 0, txBytes: 0, rxBytes: 0 };
  }

  // A single byte is an acknowledgement, not a frame.
  #count(direction, data) {
    if (data.length === 1) return;
    this.counters[direction] += 1;
    this.counters[`${direction}Bytes`] += data.length;
  }
}

module.exports = { Wire };
