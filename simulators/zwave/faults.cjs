// What can be wrong with a lock. A lock's faults are a plain object {name: value}; {} is healthy.
"use strict";

const FAULTS = {
  dead: "boolean", // out of reach: no acknowledgement, no reports
  mute: "boolean", // acknowledges, never answers and does nothing
  delayMs: "number", // answers and acts this much later
  lateAckMs: "number", // acknowledges this much later; above 1000 the driver has begun to try again
  rejectAll: "boolean", // refuses every new code
  maxCodes: "number", // refuses codes beyond this many
  allowDuplicates: "boolean", // stores the same code in two slots
  silentDuplicates: "boolean", // refuses a duplicate without the notification that says so
  dropWrites: "boolean", // says yes, stores nothing
  corruptReadback: "boolean", // says yes, stores another last digit
  truncate: "number", // says yes, stores only so many digits
  vanishAfterMs: "number", // the next stored code disappears after this time; once
  obfuscate: "boolean", // occupied slots read as ****
  clearAs0000: "boolean", // empty slots read as status 0 and code 0000
  lieEmptyOnce: "boolean", // the next read of an occupied slot says empty; once
  notifyCodeEvents: "boolean", // reports each code added or deleted over the radio
  jams: "boolean", // says yes, and the bolt stops half way
  travelS: "number", // its bolt takes so many seconds
  dropSchedules: "boolean", // says yes to a schedule, stores nothing
  refuseSchedules: "boolean", // says no to every schedule
  ignoreSchedules: "boolean", // says and does nothing when asked about schedules
  clampsStart: "boolean", // stores a start that is past as now
  keepsZone: "boolean", // says yes to another time zone, stays in its own
  clockAheadS: "number", // its clock is fast by so many seconds
};

/** What is wrong with `wanted` as a set of faults, in words; undefined when nothing is. */
function complaint(wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    const type = FAULTS[name];
    if (!type) return `no fault ${name}; there are ${Object.keys(FAULTS).join(", ")}`;
    if (typeof value !== type || value < 0) {
      return `fault ${name} wants ${type === "number" ? "a number from 0" : "true or false"}`;
    }
  }
  return undefined;
}

/** Why the lock refuses `code` for `slot`: "rejected", "duplicate", "full"; undefined: it does not. */
function refusal({ faults, codes }, slot, code) {
  if (faults.rejectAll) return "rejected";
  const others = Object.entries(codes.all()).filter(([other]) => Number(other) !== slot);
  if (!faults.allowDuplicates && others.some(([, used]) => used === code)) return "duplicate";
  if (faults.maxCodes !== undefined && others.length >= faults.maxCodes) return "full";
  return undefined;
}

/** What the lock stores when told to store `code`. */
function distorted({ faults }, code) {
  if (faults.corruptReadback) return code.slice(0, -1) + ((Number(code.at(-1)) + 1) % 10);
  if (faults.truncate) return code.slice(0, faults.truncate);
  return code;
}

module.exports = { complaint, refusal, distorted };
