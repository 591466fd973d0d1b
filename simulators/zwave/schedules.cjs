// Year day schedules of a lock: when a user's code opens, by the lock's own clock and zone.
// State keys are those of zwave-js's mock behaviours, which store what is set here.
"use strict";

const cc = require("@zwave-js/cc");
const { CommandClasses } = require("@zwave-js/core");
const { ScheduleEntryLockScheduleKind: Kind, ScheduleEntryLockSetAction: Action } = cc;

const PREFIX = "ScheduleEntryLock_";
const STANDARD = `${PREFIX}standardOffset`;
const DST = `${PREFIX}dstOffset`;
const MINUTE_MS = 60_000;

/** A moment of the lock's local time, as if it were UTC. */
const local = (said, edge) => {
  const [year, month, day, hour, minute] = ["Year", "Month", "Day", "Hour", "Minute"].map((name) => said[edge + name]);
  return Date.UTC(2000 + year, month - 1, day, hour, minute);
};
const shown = (moment) => new Date(moment).toISOString().slice(0, 16);

class Schedules {
  constructor(lock) {
    this.lock = lock;
  }

  get state() {
    return this.lock.state;
  }

  /** [{slot, from, until}] in local time. */
  #windows() {
    const key = new RegExp(`^${PREFIX}schedule_(\\d+)_\\d+_${Kind.YearDay}$`);
    const stored = [...this.state].map(([name, said]) => [key.exec(name), said]);
    return stored
      .filter(([match, said]) => match && said !== undefined)
      .map(([match, said]) => ({ slot: Number(match[1]), from: local(said, "start"), until: local(said, "stop") }));
  }

  /** {slot: [from, until]} */
  all() {
    return Object.fromEntries(this.#windows().map(({ slot, from, until }) => [slot, [shown(from), shown(until)]]));
  }

  /** Minutes by which local time is ahead of UTC. */
  offset() {
    return this.state.get(STANDARD) ?? 0;
  }

  move(minutes) {
    this.state.set(STANDARD, minutes);
    this.state.set(DST, minutes);
  }

  /** Local time, as if it were UTC. */
  now() {
    return Date.now() + (this.lock.faults.clockAheadS ?? 0) * 1000 + this.offset() * MINUTE_MS;
  }

  /** Moves the start of a schedule that is being set to now, where it is past. */
  clamp(said) {
    const now = this.now();
    if (local(said, "start") >= now) return;
    const at = new Date(now);
    said.startYear = at.getUTCFullYear() - 2000;
    said.startMonth = at.getUTCMonth() + 1;
    said.startDay = at.getUTCDate();
    said.startHour = at.getUTCHours();
    said.startMinute = at.getUTCMinutes();
  }

  /** A code without schedule opens always; with some, within one of them, unless they are off. */
  allow(slot) {
    if (this.state.get(`${PREFIX}off_${slot}`)) return true;
    const windows = this.#windows().filter((window) => window.slot === Number(slot));
    const now = this.now();
    return windows.length === 0 || windows.some(({ from, until }) => from <= now && now < until);
  }

  turn(slot, on) {
    this.state.set(`${PREFIX}off_${slot}`, !on);
  }
}

function scheduleRules(lock) {
  return {
    handleCC(_controller, _node, command) {
      if (command.ccId === CommandClasses["Schedule Entry Lock"] && lock.faults.ignoreSchedules) return { action: "stop" };
      if (command instanceof cc.ScheduleEntryLockCCTimeOffsetSet && lock.faults.keepsZone) return { action: "ok" };
      if (command instanceof cc.ScheduleEntryLockCCEnableSet) lock.schedules.turn(command.userId, command.enabled);
      if (!(command instanceof cc.ScheduleEntryLockCCYearDayScheduleSet)) return undefined;
      if (lock.faults.refuseSchedules) return { action: "fail" };
      if (lock.faults.dropSchedules) return { action: "ok" };
      if (command.action === Action.Set) {
        // SDS13783: a schedule is for a user who has a code already; setting it switches it on.
        if (lock.codes.all()[command.userId] === undefined) return { action: "fail" };
        lock.schedules.turn(command.userId, true);
        if (lock.faults.clampsStart) lock.schedules.clamp(command);
      }
      return undefined;
    },
  };
}

module.exports = { Schedules, scheduleRules };
