// What a tester, or a person at the door, can do to a lock: one function per verb of the control port.
"use strict";

const { DoorLockMode, UserCredentialType } = require("@zwave-js/cc");
const { tellCredential, tellUserGone } = require("./credentials.cjs");
const { complaint } = require("./faults.cjs");

const ACCESS_CONTROL = 6;
const HOME_SECURITY = 7;
const WRONG_CODE = 4;
const ALL_DELETED = 0x0c;
const ONE_DELETED = 0x0d;
const AT_KEYPAD = {
  lock: { event: 0x05, mode: DoorLockMode.Secured },
  unlock: { event: 0x06, mode: DoorLockMode.Unsecured },
};

/** A request that cannot be carried out, with the HTTP status that says whose fault it is. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function demand(condition, message) {
  if (!condition) throw new Refused(400, message);
}

function demandSlot(lock, slot) {
  const fits = Number.isInteger(slot) && slot >= 1 && slot <= lock.slots;
  demand(fits, `slot must be a number from 1 to ${lock.slots}`);
}

function demandByte(value, name) {
  demand(Number.isInteger(value) && value >= 0 && value <= 255, `${name} must be a number from 0 to 255`);
}

function demandCode(code) {
  const fits = typeof code === "string" && /^[ -~]{4,10}$/.test(code);
  demand(fits, "code must be a string of 4 to 10 characters");
}

/** How a lock names the slot of a keypad use: each style is some maker's. */
const STYLES = {
  byte: (slot) => [slot],
  report: (slot, code) => [0x63, 0x03, slot, 1, ...Buffer.from(code)], // a whole User Code Report
  none: () => [],
};

/** {code or slot, action?, style?}: a person types; the door answers whether it opened. */
function keypad(lock, { code, slot, action = "unlock", style = "byte" }) {
  demand(action in AT_KEYPAD, `action must be one of ${Object.keys(AT_KEYPAD).join(", ")}`);
  demand(style in STYLES, `style must be one of ${Object.keys(STYLES).join(", ")}`);
  demand((code === undefined) !== (slot === undefined), "give either code or slot");
  if (slot === undefined) demand(typeof code === "string", "code must be a string");
  else demandSlot(lock, slot);
  const typed = Object.entries(lock.codes.all()).find(([held, stored]) =>
    (slot === undefined ? stored === code : Number(held) === slot) && lock.opens(held));
  if (!typed) {
    lock.notify(HOME_SECURITY, WRONG_CODE);
    return { opened: false };
  }
  const used = Number(typed[0]);
  const { event, mode } = AT_KEYPAD[action];
  lock.state.set("DoorLock_currentMode", mode);
  lock.notify(ACCESS_CONTROL, event, STYLES[style](used, typed[1]));
  return { opened: true, slot: used };
}

const VERBS = {
  keypad,

  /** {fault: value, ...} replaces all faults. */
  faults(lock, wanted) {
    const wrong = complaint(wanted);
    demand(!wrong, wrong);
    lock.setFaults(wanted);
  },

  /** {slot, code}: a code that got there without the radio; null empties the slot. */
  code(lock, { slot, code }) {
    demandSlot(lock, slot);
    if (code === null) return lock.codes.clear(slot);
    demandCode(code);
    return lock.codes.put(slot, code);
  },

  /** {slot, userId}: the code in `slot` is given to another user at the lock. */
  assign(lock, { slot, userId }) {
    demandSlot(lock, slot);
    demandSlot(lock, userId);
    demand(lock.codes.assign?.(slot, userId), `no credential in slot ${slot}, or no user ${userId}`);
  },

  /** {userId, name, pins?: {slot: code}, cards?: {slot: number in hex}}: a user as a person makes one
   * at the lock, in place of the one there; without a name it is only taken away. */
  user(lock, { userId, name, pins = {}, cards = {} }) {
    demand(lock.codes.admit, "only lock 4 has users");
    demandSlot(lock, userId);
    lock.codes.dismiss(userId);
    if (name === undefined) return tellUserGone(lock, userId);
    lock.codes.admit(userId, name);
    for (const [slot, code] of Object.entries(pins)) {
      lock.codes.give(userId, slot, code);
      tellCredential(lock, true, { type: UserCredentialType.PINCode, userId, slot: Number(slot) });
    }
    for (const [slot, number] of Object.entries(cards)) {
      lock.codes.giveCard(userId, slot, number);
      tellCredential(lock, true, { type: UserCredentialType.RFIDCode, userId, slot: Number(slot) });
    }
    return undefined;
  },

  /** {minutes}: a person sets the lock's time zone, east of UTC. */
  zone(lock, { minutes }) {
    demand(Number.isInteger(minutes) && Math.abs(minutes) < 1440, "minutes must be a number");
    lock.schedules.move(minutes);
  },

  /** {slot?}: one code, or all, deleted at the keypad; lock 4 tells it in its own way. */
  delete(lock, { slot }) {
    const hasUsers = lock.codes.dismiss !== undefined;
    if (slot === undefined) {
      lock.clearAll();
      if (hasUsers) tellUserGone(lock, 0);
      else lock.notify(ACCESS_CONTROL, ALL_DELETED);
      return;
    }
    demandSlot(lock, slot);
    const owner = lock.codes.credentials().find((each) => each.slot === slot)?.userId ?? slot;
    lock.codes.clear(slot);
    if (hasUsers) tellCredential(lock, false, { type: UserCredentialType.PINCode, userId: owner, slot });
    else lock.notify(ACCESS_CONTROL, ONE_DELETED, [slot]);
  },

  /** {type, event, params?: bytes}: any notification. */
  notify(lock, { type, event, params = [] }) {
    demandByte(type, "type");
    demandByte(event, "event");
    demand(Array.isArray(params), "params must be a list of bytes");
    for (const each of params) demandByte(each, "each of params");
    lock.notify(type, event, params);
  },

  /** {level, low?}: sets the level and reports it, or reports only that it is low. */
  battery(lock, { level, low = false }) {
    demand(Number.isInteger(level) && level >= 0 && level <= 100, "level must be a number from 0 to 100");
    demand(typeof low === "boolean", "low must be true or false");
    lock.state.set("Battery_level", level);
    lock.reportBattery(low);
  },

  wakeup(lock) {
    if (!lock.sleeper) throw new Refused(409, `node ${lock.id} is never asleep`);
    lock.wake();
  },

  sleep(lock) {
    if (!lock.sleeper) throw new Refused(409, `node ${lock.id} never sleeps`);
    lock.sleep();
  },

  /** Any frame of its own accord, from which the driver learns that the lock is back. */
  alive(lock) {
    lock.reportBattery();
  },
};

module.exports = { Refused, VERBS };
