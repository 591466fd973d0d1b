// A bolt that stops half way, or takes its time. zwave-js's own mock behaviour is the healthy one.
"use strict";

const {
  DoorLockCCOperationGet,
  DoorLockCCOperationReport,
  DoorLockCCOperationSet,
  DoorLockMode,
} = require("@zwave-js/cc");
const { Duration } = require("@zwave-js/core");

const MODE = "DoorLock_currentMode";
const ACCESS_CONTROL = 6;
const JAMMED = 0x0b;
const BY_RADIO = { [DoorLockMode.Secured]: 0x03, [DoorLockMode.Unsecured]: 0x04 };
const HANDLES = [false, false, false, false];

function bolt(lock) {
  let goal; // while it moves
  let toldOfJam = false;
  function report(controller, mode) {
    const said = new DoorLockCCOperationReport({
      nodeId: controller.ownNodeId,
      currentMode: mode,
      targetMode: goal ?? mode,
      duration: new Duration(goal === undefined ? 0 : Math.ceil(lock.faults.travelS ?? 1), "seconds"),
      outsideHandlesCanOpenDoor: HANDLES,
      insideHandlesCanOpenDoor: HANDLES,
    });
    return { action: "sendCC", cc: said };
  }

  function turn(mode) {
    if (lock.faults.jams) {
      lock.state.set(MODE, DoorLockMode.Unknown);
      lock.notifyLater(ACCESS_CONTROL, JAMMED);
      toldOfJam = true;
    } else if (lock.faults.travelS) {
      goal = mode;
      setTimeout(() => {
        goal = undefined;
        lock.state.set(MODE, mode);
      }, lock.faults.travelS * 1000).unref();
    } else {
      if (toldOfJam) lock.notifyLater(ACCESS_CONTROL, BY_RADIO[mode]); // it moved: the jam is over
      toldOfJam = false;
      return undefined;
    }
    return { action: "ok" };
  }

  return {
    handleCC(controller, _node, command) {
      const mode = lock.state.get(MODE);
      const odd = goal !== undefined || mode === DoorLockMode.Unknown;
      if (command instanceof DoorLockCCOperationGet && odd) return report(controller, mode);
      return command instanceof DoorLockCCOperationSet ? turn(command.mode) : undefined;
    },
  };
}

module.exports = { bolt };
