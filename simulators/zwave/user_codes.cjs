// What a lock does when its User Codes are read or written.
"use strict";

const {
  UserCodeCCExtendedUserCodeSet,
  UserCodeCCGet,
  UserCodeCCReport,
  UserCodeCCSet,
  UserIDStatus,
} = require("@zwave-js/cc");
const { text } = require("./codes.cjs");
const { distorted, refusal } = require("./faults.cjs");

/** The report of a faulty read: undefined where the lock tells the truth. */
function readFault(lock, slot) {
  const status = lock.codes.statuses()[slot];
  const empty = UserIDStatus.Available;
  if (status === undefined) return lock.faults.clearAs0000 ? { status: empty, code: "0000" } : undefined;
  if (lock.takeFault("lieEmptyOnce")) return { status: empty, code: "" };
  if (lock.faults.obfuscate) return { status, code: "****" };
  return undefined;
}

function answerGet(lock, controller, { userId }) {
  const said = userId >= 1 && userId <= lock.slots ? readFault(lock, userId) : undefined;
  if (!said) return undefined;
  const report = { nodeId: controller.ownNodeId, userId, userIdStatus: said.status, userCode: said.code };
  return { action: "sendCC", cc: new UserCodeCCReport(report) };
}

/** Carries out one write; whether the lock says that it did. */
function write(lock, { userId: slot, userIdStatus: status, userCode }) {
  if (slot > lock.slots) return false;
  if (status === UserIDStatus.Available) {
    if (lock.faults.dropWrites) return true;
    if (slot === 0) lock.clearAll();
    else lock.clear(slot);
    return true;
  }
  const code = text(userCode);
  const reason = refusal(lock, slot, code);
  if (reason === "duplicate" && !lock.faults.silentDuplicates) lock.notifyLater(6, 0x0f, [slot]);
  if (reason) return false;
  if (!lock.faults.dropWrites) lock.store(slot, distorted(lock, code), status);
  return true;
}

function userCodeRules(lock) {
  return {
    handleCC(controller, _node, command) {
      if (command instanceof UserCodeCCGet) return answerGet(lock, controller, command);
      let writes;
      if (command instanceof UserCodeCCSet) writes = [command];
      else if (command instanceof UserCodeCCExtendedUserCodeSet) writes = command.userCodes;
      else return undefined;
      return { action: writes.every((each) => write(lock, each)) ? "ok" : "fail" };
    },
  };
}

module.exports = { userCodeRules };
