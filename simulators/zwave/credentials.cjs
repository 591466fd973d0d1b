// What a lock does when its User Credentials are read or written, where a fault makes it differ from
// zwave-js's own mock behaviour, which implements the healthy lock.
"use strict";

const {
  UserCredentialCCCredentialGet,
  UserCredentialCCCredentialReport,
  UserCredentialCCCredentialSet,
  UserCredentialCCUserReport,
  UserCredentialCredentialReportType: Report,
  UserCredentialModifierType: Modifier,
  UserCredentialOperationType: Operation,
  UserCredentialRule,
  UserCredentialType,
  UserCredentialUserReportType: UserReport,
  UserCredentialUserType,
  UserCredentialNameEncoding,
} = require("@zwave-js/cc");
const { Bytes } = require("@zwave-js/shared");
const { createMockZWaveRequestFrame } = require("@zwave-js/testing");
const { text } = require("./codes.cjs");
const { distorted, refusal } = require("./faults.cjs");

const NOTHING = new Bytes();
const LAST = { nextCredentialType: UserCredentialType.None, nextCredentialSlot: 0 };

/** A report on a credential; without `data` the lock keeps it to itself. */
function report(controller, reportType, { userId, slot, data, type = UserCredentialType.PINCode }) {
  const exists = data === undefined || data.length > 0;
  return new UserCredentialCCCredentialReport({
    nodeId: controller.ownNodeId,
    reportType,
    userId,
    credentialType: type,
    credentialSlot: slot,
    ...(data === undefined
      ? { credentialReadBack: false }
      : { credentialReadBack: true, credentialData: data }),
    modifierType: exists ? Modifier.ZWave : Modifier.DoesNotExist,
    modifierNodeId: exists ? controller.ownNodeId : 0,
    ...(reportType === Report.ResponseToGet && LAST),
  });
}

function answerGet(lock, controller, { userId, credentialSlot: slot }) {
  const credential = lock.codes.credentials().find((each) => each.slot === slot);
  if (!credential || (userId !== 0 && userId !== credential.userId)) return undefined;
  const answer = (said) => ({
    action: "sendCC",
    cc: report(controller, Report.ResponseToGet, { slot, ...said }),
  });
  if (lock.takeFault("lieEmptyOnce")) return answer({ userId, data: NOTHING });
  if (lock.faults.obfuscate) return answer({ userId: credential.userId });
  return undefined;
}

async function answerSet(lock, controller, command) {
  const { userId, credentialSlot: slot, operationType } = command;
  const done = [Report.CredentialAdded, Report.CredentialModified, Report.CredentialDeleted][operationType];
  const tell = (type, data) => {
    const said = report(controller, type, { userId, slot, data });
    return lock.node.sendToController(createMockZWaveRequestFrame(said, { ackRequested: false }));
  };
  if (lock.faults.dropWrites) {
    await tell(done, command.credentialData ?? NOTHING);
    return { action: "ok" };
  }
  if (operationType === Operation.Delete) {
    if (lock.faults.notifyCodeEvents) lock.notifyLater(6, 0x0d, [slot]);
    return undefined;
  }
  const reason = refusal(lock, slot, text(command.credentialData));
  if (reason === "duplicate") return undefined; // the mock's own rule
  if (reason) {
    await tell(Report.ManufacturerSecurityRules, NOTHING);
    return { action: "fail" };
  }
  const code = distorted(lock, text(command.credentialData));
  command.credentialData = Bytes.from(code, "ascii");
  if (lock.faults.allowDuplicates && lock.codes.hasUser(userId)) {
    lock.codes.give(userId, slot, code); // the mock would refuse it
    lock.stored(slot);
    await tell(done, command.credentialData);
    return { action: "ok" };
  }
  // The mock stores it when this has returned.
  setImmediate(() => lock.codes.all()[slot] === code && lock.stored(slot));
  return undefined;
}

/** A person at the lock gave user `userId` a credential, or took one away. */
function tellCredential(lock, added, { type, userId, slot }) {
  const { controller } = lock.node;
  const said = report(controller, added ? Report.CredentialAdded : Report.CredentialDeleted, {
    type,
    userId,
    slot,
    ...(!added && { data: NOTHING }),
  });
  said.modifierType = Modifier.Locally;
  lock.say(said);
}

/** A person at the lock took a user away, with all that opens for it; 0: all of them. */
function tellUserGone(lock, userId) {
  lock.say(new UserCredentialCCUserReport({
    nodeId: lock.node.controller.ownNodeId,
    reportType: UserReport.UserDeleted,
    modifierType: Modifier.Locally,
    modifierNodeId: 0,
    userId,
    userType: UserCredentialUserType.General,
    active: false,
    credentialRule: UserCredentialRule.Single,
    expiringTimeoutMinutes: 0,
    nameEncoding: UserCredentialNameEncoding.ASCII,
    userName: "",
  }));
}

function credentialRules(lock) {
  return {
    handleCC(controller, _node, command) {
      const { credentialType, credentialSlot } = command;
      if (credentialType !== UserCredentialType.PINCode || !credentialSlot) return undefined;
      if (command instanceof UserCredentialCCCredentialGet) return answerGet(lock, controller, command);
      if (command instanceof UserCredentialCCCredentialSet) return answerSet(lock, controller, command);
      return undefined;
    },
  };
}

module.exports = { credentialRules, tellCredential, tellUserGone };
