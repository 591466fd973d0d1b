// The locks that exist: what each announces about itself when it is interviewed.
"use strict";

const {
  DoorLockMode,
  DoorLockOperationType,
  UserCredentialRule,
  UserCredentialType,
} = require("@zwave-js/cc");
const { CommandClasses: CC, SecurityClass } = require("@zwave-js/core");

// Notification types and the events of each that the locks can send.
const EVENTS = {
  6: [1, 2, 3, 4, 5, 6, 9, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10], // access control
  7: [3, 4], // home security: tamper, wrong code
  8: [0x0a, 0x0b], // power: replace battery soon, now
};

// Each lock: how it keeps codes, how it talks, how its radio listens.
const KINDS = {
  2: { codes: { userCode: 1 } },
  3: { codes: { userCode: 2 }, s2: true, supervised: true, schedules: true },
  4: { codes: { userCredential: 1 }, s2: true, supervised: true },
  5: { codes: { userCode: 2 }, supervised: true },
  6: { codes: { userCode: 1 }, sleeping: true },
  7: { codes: { userCode: 1 }, s2: true },
  8: { codes: { userCode: 2, checksum: false }, supervised: true },
  9: { codes: { userCode: 1 } },
  10: { codes: { userCode: 2 }, supervised: true },
};

function credentialType(slots, maxCredentialLength) {
  return {
    numberOfCredentialSlots: slots,
    minCredentialLength: 4,
    maxCredentialLength,
    maxCredentialHashLength: 0, // 0: the lock lets itself be read
    supportsCredentialLearn: false,
  };
}

function codeClass(codes, secure, slots) {
  if (codes.userCode) {
    const { userCode: version, checksum: supportsUserCodeChecksum = true } = codes;
    return { ccId: CC["User Code"], version, secure, numUsers: slots, supportsUserCodeChecksum };
  }
  return {
    ccId: CC["User Credential"],
    version: codes.userCredential,
    secure,
    numberOfSupportedUsers: slots,
    supportedCredentialRules: [UserCredentialRule.Single],
    maxUserNameLength: 32,
    supportedCredentialTypes: new Map([
      [UserCredentialType.PINCode, credentialType(slots, 8)],
      [UserCredentialType.RFIDCode, credentialType(slots, 10)],
    ]),
  };
}

function commandClasses({ codes, s2, supervised, schedules, sleeping }, slots) {
  const secure = Boolean(s2);
  const list = [
    { ccId: CC.Version, version: 3 },
    { ccId: CC["Manufacturer Specific"], version: 2, secure },
    { ccId: CC["Z-Wave Plus Info"], version: 2 },
    { ccId: CC.Battery, version: 1, secure },
    {
      ccId: CC["Door Lock"],
      version: 4,
      secure,
      supportedOperationTypes: [DoorLockOperationType.Constant],
      supportedDoorLockModes: [DoorLockMode.Unsecured, DoorLockMode.Secured],
      boltSupported: true,
    },
    {
      ccId: CC.Notification,
      version: 8,
      secure,
      supportsV1Alarm: false,
      notificationTypesAndEvents: EVENTS,
    },
    codeClass(codes, secure, slots),
  ];
  if (s2) list.push({ ccId: CC["Security 2"], version: 1 });
  if (supervised) list.push({ ccId: CC.Supervision, version: 1 });
  if (sleeping) list.push({ ccId: CC["Wake Up"], version: 2 });
  if (schedules) {
    list.push({
      ccId: CC["Schedule Entry Lock"],
      version: 3,
      secure,
      numWeekDaySlots: 2,
      numYearDaySlots: 2,
      numDailyRepeatingSlots: 1,
    });
  }
  return list;
}

/** What MockNode.create needs for lock `id` (one of KINDS), less its controller. */
function definition(id, { slots, txDelay }) {
  const kind = KINDS[id];
  return {
    id,
    capabilities: {
      // Entry Control / Secure Keypad Door Lock, of a manufacturer no device file knows.
      basicDeviceClass: 4,
      genericDeviceClass: 0x40,
      specificDeviceClass: 0x03,
      manufacturerId: 0x7ff0,
      productType: 1,
      productId: id,
      isListening: false,
      isFrequentListening: kind.sleeping ? false : "1000ms",
      txDelay,
      ...(kind.s2 && { securityClasses: new Set([SecurityClass.S2_AccessControl]) }),
      commandClasses: commandClasses(kind, slots),
    },
  };
}

module.exports = { KINDS, definition };
