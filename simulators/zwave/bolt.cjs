// A bolt that stops half way. zwave-js's own mock behaviour is the healthy one.
"use strict";

const { DoorLockCCOperationReport, DoorLockCCOperationGet, DoorLockCCOperationSet, DoorLockMode } = require("@zwave-js/cc");
const { Duration } = require("@zwave-js/core");

const MODE = "DoorLock_currentMode";
const JAMMED = 0x0b;
const BY_RADIO = { [DoorLockMode.Secured]: 0x03, [DoorLockMode.Unsecured]: 0x04 };

function bolt(lock) {
  return {
    handleCC(controller, _node, command) {
      if (command instanceof DoorLockCCOperationGet && lock.state.get(MODE) === DoorLockMode.Unknown) {
        const handles = [false, false, false, false];
        return {
          action: "sendCC",
          cc: new DoorLockCCOperationReport({
            nodeId: controller.ownNodeId,
            currentMode: DoorLockMode.Unknown,
            targetMode: DoorLockMode.Unknown,
            duration: new Duration(0, "seconds"),
            outsideHandlesCanOpenDoor: handles,
            insideHandlesCanOpenDoor: handles,
          }),
        };
      }
      if (!(command instanceof DoorLockCCOperationSet)) return undefined;
      if (!lock.faults.jams) {
        lock.notifyLater(6, BY_RADIO[command.mode]); // it moved: a jam is over
        return undefined;
      }
      lock.state.set(MODE, DoorLockMode.Unknown);
      lock.notify(6, JAMMED);
      return { action: "ok" };
    },
  };
}

module.exports = { bolt };
