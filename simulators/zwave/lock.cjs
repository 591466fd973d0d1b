// One simulated lock: its memory, its condition, and what it says of its own accord.
"use strict";

const {
  BatteryCCReport,
  DoorLockMode,
  NotificationCCReport,
  WakeUpCCWakeUpNotification,
} = require("@zwave-js/cc");
const { CommandClasses: CC } = require("@zwave-js/core");
const { Bytes } = require("@zwave-js/shared");
const { createMockZWaveRequestFrame } = require("@zwave-js/testing");
const { Credentials, UserCodes } = require("./codes.cjs");
const { Schedules } = require("./schedules.cjs");

const NEW = { DoorLock_currentMode: DoorLockMode.Secured, Battery_level: 87 };
const LOW_BATTERY = 0xff; // what a battery report carries instead of a level
const AFTER_THE_ANSWER_MS = 50; // a report of something done by radio follows the answer to it

class Lock {
  faults = {};
  asleep = false;
  exchanges = { get: 0, set: 0 };

  constructor(node, memory, slots) {
    this.node = node;
    this.id = node.id;
    this.slots = slots;
    this.state = node.state = memory.recall(node.id, NEW);
    this.sleeper = node.implementedCCs.has(CC["Wake Up"]);
    const Codes = node.implementedCCs.has(CC["User Credential"]) ? Credentials : UserCodes;
    this.codes = new Codes(this.state);
    this.schedules = new Schedules(this);
    if (this.sleeper) this.sleep();
  }

  describe() {
    return {
      id: this.id,
      faults: this.faults,
      codes: this.codes.all(),
      statuses: this.codes.statuses(),
      mode: this.state.get("DoorLock_currentMode"),
      battery: this.state.get("Battery_level"),
      credentials: this.codes.credentials(),
      users: this.codes.users(),
      cards: this.codes.cards(),
      schedules: this.schedules.all(),
      offset: this.schedules.offset(),
      asleep: this.asleep,
    };
  }

  /** Replaces all faults. A lock that comes back from the dead is heard of. */
  setFaults(faults) {
    const wasDead = this.faults.dead;
    this.faults = Object.fromEntries(Object.entries(faults).filter(([, value]) => value !== false));
    this.#listen();
    if (wasDead && !this.faults.dead) this.reportBattery();
  }

  /** The value of a fault that happens once, which is gone with this; undefined when it is not set. */
  takeFault(name) {
    const value = this.faults[name];
    delete this.faults[name];
    return value;
  }

  sleep() {
    this.asleep = true;
    this.#listen();
  }

  wake() {
    this.asleep = false;
    this.#listen();
    this.say(new WakeUpCCWakeUpNotification({ nodeId: this.node.controller.ownNodeId }));
  }

  // The mock acknowledges before any behaviour sees a frame, so this is where silence is decided.
  #listen() {
    this.node.autoAckControllerFrames = !(this.faults.dead || this.asleep || this.faults.lateAckMs);
  }

  /** Whether the code in `slot` turns the bolt now. */
  opens(slot) {
    return this.codes.opens(slot) && this.schedules.allow(slot);
  }

  store(slot, code, status) {
    this.codes.put(slot, code, status);
    this.stored(slot);
  }

  /** What happens after a code got into `slot` by radio. */
  stored(slot) {
    const vanishAfterMs = this.takeFault("vanishAfterMs");
    if (vanishAfterMs !== undefined) setTimeout(() => this.codes.clear(slot), vanishAfterMs).unref();
    if (this.faults.notifyCodeEvents) this.notifyLater(6, 0x0e, [slot]);
  }

  clear(slot) {
    this.codes.clear(slot);
    if (this.faults.notifyCodeEvents) this.notifyLater(6, 0x0d, [slot]);
  }

  clearAll() {
    this.codes.clearAll();
  }

  reportBattery(low = false) {
    const level = low ? LOW_BATTERY : this.state.get("Battery_level");
    this.say(new BatteryCCReport({ nodeId: this.node.controller.ownNodeId, level }));
  }

  notify(notificationType, notificationEvent, parameters = []) {
    this.say(new NotificationCCReport({
      nodeId: this.node.controller.ownNodeId,
      notificationType,
      notificationEvent,
      notificationStatus: 0xff,
      ...(parameters.length > 0 && { eventParameters: Bytes.from(parameters) }),
    }));
  }

  notifyLater(...notification) {
    setTimeout(() => this.notify(...notification), AFTER_THE_ANSWER_MS).unref();
  }

  /** Sends a report nobody asked for; a dead lock says nothing. */
  say(report) {
    if (this.faults.dead) return;
    void this.node.sendToController(createMockZWaveRequestFrame(report, { ackRequested: false }));
  }
}

module.exports = { Lock };
