// The code memory of a lock, seen alike whether it is kept as User Codes or as User Credentials.
// State keys are those of zwave-js's own mock behaviours, which answer what we leave to them.
"use strict";

const {
  UserCredentialModifierType,
  UserCredentialNameEncoding,
  UserCredentialRule,
  UserCredentialType,
  UserCredentialUserType,
  UserIDStatus,
} = require("@zwave-js/cc");
const { Bytes } = require("@zwave-js/shared");

const text = (code) => (typeof code === "string" ? code : Buffer.from(code ?? []).toString("latin1"));

/** {number at the end of the key: value} for the keys of `state` that begin with `prefix`. */
function numbered(state, prefix) {
  const found = [...state].filter(([key, value]) => key.startsWith(prefix) && value !== undefined);
  return Object.fromEntries(found.map(([key, value]) => [Number(key.slice(prefix.length)), value]));
}

class UserCodes {
  constructor(state) {
    this.state = state;
  }

  statuses() {
    const stored = Object.entries(numbered(this.state, "UserCode_userIdStatus_"));
    return Object.fromEntries(stored.filter(([, status]) => status !== UserIDStatus.Available));
  }

  all() {
    const codes = numbered(this.state, "UserCode_userCode_");
    return Object.fromEntries(Object.keys(this.statuses()).map((slot) => [slot, text(codes[slot])]));
  }

  opens(slot) {
    return [UserIDStatus.Enabled, UserIDStatus.PassageMode].includes(this.statuses()[slot]);
  }

  put(slot, code, status = UserIDStatus.Enabled) {
    this.state.set(`UserCode_userIdStatus_${slot}`, status);
    this.state.set(`UserCode_userCode_${slot}`, code);
  }

  clear(slot) {
    this.state.delete(`UserCode_userIdStatus_${slot}`);
    this.state.delete(`UserCode_userCode_${slot}`);
  }

  clearAll() {
    for (const slot of Object.keys(this.statuses())) this.clear(slot);
  }

  credentials() {
    return [];
  }

  users() {
    return {};
  }

  cards() {
    return {};
  }
}

const USER = "UserCredential_user_";
const CREDENTIALS = (type) => `UserCredential_cred_${type}_`;
const PIN = CREDENTIALS(UserCredentialType.PINCode);
const CARD = CREDENTIALS(UserCredentialType.RFIDCode);
// Users and credentials carry who wrote them; what the mock did not write came from the keypad.
const LOCALLY = { modifierType: UserCredentialModifierType.Locally, modifierNodeId: 0 };

class Credentials {
  constructor(state) {
    this.state = state;
  }

  statuses() {
    const slots = Object.keys(numbered(this.state, PIN));
    const status = (slot) => (this.opens(slot) ? UserIDStatus.Enabled : UserIDStatus.Disabled);
    return Object.fromEntries(slots.map((slot) => [slot, status(slot)]));
  }

  all() {
    const stored = Object.entries(numbered(this.state, PIN));
    return Object.fromEntries(stored.map(([slot, { credentialData }]) => [slot, text(credentialData)]));
  }

  opens(slot) {
    const credential = this.state.get(PIN + slot);
    return Boolean(credential && this.state.get(USER + credential.userId)?.active);
  }

  /** The slot is the user's number too, as with User Codes. */
  put(slot, code) {
    this.admit(slot, `User-${slot}`);
    this.give(slot, slot, code);
  }

  hasUser(userId) {
    return this.state.has(USER + userId);
  }

  /** Makes a user, or gives one another name. */
  admit(userId, userName) {
    this.state.set(USER + userId, {
      userType: UserCredentialUserType.General,
      active: true,
      credentialRule: UserCredentialRule.Single,
      expiringTimeoutMinutes: 0,
      nameEncoding: UserCredentialNameEncoding.ASCII,
      userName,
      ...LOCALLY,
    });
  }

  /** Takes a user away, with all that opens for it. */
  dismiss(userId) {
    this.state.delete(USER + userId);
    for (const prefix of [PIN, CARD]) {
      for (const [slot, credential] of Object.entries(numbered(this.state, prefix))) {
        if (credential.userId === userId) this.state.delete(prefix + slot);
      }
    }
  }

  /** Gives user `userId` the code in `slot`. */
  give(userId, slot, code) {
    this.state.set(PIN + slot, { userId, credentialData: Bytes.from(code, "ascii"), ...LOCALLY });
  }

  /** Gives user `userId` a card of this number. */
  giveCard(userId, slot, number) {
    this.state.set(CARD + slot, { userId, credentialData: Bytes.from(number, "hex"), ...LOCALLY });
  }

  clear(slot) {
    const credential = this.state.get(PIN + slot);
    if (!credential) return;
    this.state.delete(PIN + slot);
    const owners = [...Object.values(numbered(this.state, PIN)), ...Object.values(numbered(this.state, CARD))];
    if (!owners.some(({ userId }) => userId === credential.userId)) this.dismiss(credential.userId);
  }

  clearAll() {
    for (const userId of Object.keys(numbered(this.state, USER))) this.dismiss(Number(userId));
  }

  /** Gives the code in `slot` to another user that exists; whether it could be done. */
  assign(slot, userId) {
    const credential = this.state.get(PIN + slot);
    if (!credential || !this.hasUser(userId)) return false;
    this.state.set(PIN + slot, { ...credential, userId, ...LOCALLY });
    return true;
  }

  /** {slot: the user whose card it is} */
  cards() {
    const stored = Object.entries(numbered(this.state, CARD));
    return Object.fromEntries(stored.map(([slot, { userId }]) => [slot, userId]));
  }

  /** {user id: {name, active}} */
  users() {
    const stored = Object.entries(numbered(this.state, USER));
    return Object.fromEntries(stored.map(([id, { userName, active }]) => [id, { name: userName, active }]));
  }

  credentials() {
    const stored = Object.entries(numbered(this.state, PIN));
    return stored.map(([slot, { userId, credentialData }]) => ({
      slot: Number(slot),
      type: UserCredentialType.PINCode,
      userId,
      userName: this.state.get(USER + userId)?.userName ?? null,
      data: text(credentialData),
    }));
  }
}

module.exports = { Credentials, UserCodes, text };
