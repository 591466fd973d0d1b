// How a lock behaves on the radio, around what zwave-js's own mock behaviours already answer.
// A behaviour returns what to do with a frame, or nothing to pass it on to the next.
"use strict";

const { setTimeout: sleep } = require("node:timers/promises");
const cc = require("@zwave-js/cc");
const { CommandClasses: CC } = require("@zwave-js/core");
const { Bytes } = require("@zwave-js/shared");
const { createMockZWaveAckFrame } = require("@zwave-js/testing");
const { bolt } = require("./bolt.cjs");
const { credentialRules } = require("./credentials.cjs");
const { scheduleRules } = require("./schedules.cjs");
const { userCodeRules } = require("./user_codes.cjs");

const CODE_CLASSES = [CC["User Code"], CC["User Credential"], CC["Schedule Entry Lock"]];
const GETS = [
  cc.UserCodeCCGet,
  cc.UserCodeCCUserCodeChecksumGet,
  cc.UserCredentialCCCredentialGet,
  cc.UserCredentialCCUserGet,
  cc.ScheduleEntryLockCCYearDayScheduleGet,
  cc.ScheduleEntryLockCCTimeOffsetGet,
];
const SETS = [
  cc.UserCodeCCSet,
  cc.UserCodeCCExtendedUserCodeSet,
  cc.UserCredentialCCCredentialSet,
  cc.UserCredentialCCUserSet,
  cc.ScheduleEntryLockCCYearDayScheduleSet,
  cc.ScheduleEntryLockCCTimeOffsetSet,
];
const isOneOf = (classes, command) => classes.some((each) => command instanceof each);

const STOP = { action: "stop" };
const HOUR = [0x00, 0x0e, 0x10]; // seconds, as three bytes
const CONTROLLER = 1;

/** Whether a command reaches the lock at all, and how late. */
function radio(lock) {
  return {
    async handleCC(_controller, node, command) {
      if (lock.faults.dead || lock.asleep) return STOP;
      if (lock.faults.lateAckMs) {
        await sleep(lock.faults.lateAckMs);
        await node.sendToController(createMockZWaveAckFrame({}));
      }
      if (isOneOf(GETS, command)) lock.exchanges.get += 1;
      if (isOneOf(SETS, command)) lock.exchanges.set += 1;
      if (lock.faults.mute) return STOP;
      if (lock.faults.delayMs && CODE_CLASSES.includes(command.ccId)) await sleep(lock.faults.delayMs);
      return undefined;
    },
  };
}

/** Answers for which zwave-js has no mock behaviour. */
function housekeeping(lock) {
  return {
    handleCC(controller, _node, command) {
      const nodeId = controller.ownNodeId;
      if (command instanceof cc.BatteryCCGet) {
        const level = lock.state.get("Battery_level");
        return { action: "sendCC", cc: new cc.BatteryCCReport({ nodeId, level }) };
      }
      if (command instanceof cc.NotificationCCSet) return { action: "ok" };
      if (command instanceof cc.NotificationCCGet) {
        return {
          action: "sendCC",
          cc: new cc.NotificationCCReport({
            nodeId,
            notificationType: command.notificationType ?? 6,
            notificationStatus: 0xff,
            notificationEvent: 0xfe, // unknown: nothing is pending
          }),
        };
      }
      return undefined;
    },
  };
}

/** The Wake Up command class. Its reports are bytes here, because zwave-js only reads them. */
function wakeUp(lock) {
  const answer = (controller, ccCommand, payload) => ({
    action: "sendCC",
    cc: new cc.CommandClass({
      nodeId: controller.ownNodeId,
      ccId: CC["Wake Up"],
      ccCommand,
      payload: Bytes.from(payload),
    }),
  });
  return {
    handleCC(controller, _node, command) {
      if (command.ccId !== CC["Wake Up"]) return undefined;
      switch (command.ccCommand) {
        case cc.WakeUpCommand.IntervalGet:
          return answer(controller, cc.WakeUpCommand.IntervalReport, [...HOUR, CONTROLLER]);
        case cc.WakeUpCommand.IntervalCapabilitiesGet: // least, most, default, step
          return answer(controller, cc.WakeUpCommand.IntervalCapabilitiesReport, [
            0, 0, 60, 1, 0, 0, ...HOUR, 0, 0, 60, 0,
          ]);
        case cc.WakeUpCommand.NoMoreInformation: // acknowledged first, then asleep
          setImmediate(() => lock.sleep());
          return STOP;
        default:
          return { action: "ok" };
      }
    },
  };
}

/** All that a lock does differently from the mock's defaults, first word first. */
function behavioursOf(lock) {
  const rules = [radio, userCodeRules, credentialRules, scheduleRules, bolt, housekeeping, wakeUp];
  return rules.map((behaviour) => behaviour(lock));
}

module.exports = { behavioursOf };
