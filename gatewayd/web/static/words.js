// What the hub's answers are in words: a sign and a word, never a colour alone.

import { h } from "/draw.js";

const SIGNS = { ok: "✓", bad: "✗", wait: "…", note: "!" };
const SEVERITIES = { critical: "bad", warning: "bad", notice: "note" };
const STATES = { ok: "ok", proven: "ok", removed: "ok", broken: "bad", failing: "bad", withheld: "note", unknown: "note" };

const EMPTY = ["battery_low", "battery_critical"];

let zone = "UTC";
let today = new Date();

/** The site's zone, and what the hub takes for the time. */
export function setClock(hub) {
  zone = hub.zone ?? "UTC";
  today = new Date(hub.clock.latest);
}

export const now = () => today;

/** Numbers of a moment in the site's zone. */
export function parts(at) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, weekday: "short", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  return Object.fromEntries(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
}

/** A moment in few letters: the time alone where it is today, the day of the week within six days. */
export function short(at) {
  const [there, here] = [parts(at), parts(today)];
  const time = `${there.hour}:${there.minute}`;
  const date = `${there.year}-${there.month}-${there.day}`;
  if (date === `${here.year}-${here.month}-${here.day}`) return time;
  return Math.abs(new Date(at) - today) < 6 * 86400e3 ? `${there.weekday} ${time}` : `${date} ${time}`;
}

export const when = (at) => (at === null ? null : h("time", { datetime: at }, short(at)));

export const mark = (kind, ...text) =>
  h("span", { class: `mark ${kind}` }, h("span", { "aria-hidden": "true" }, SIGNS[kind]), " ", text);

export const plain = (word) => word.replaceAll("_", " ");

export const because = (reason) => (reason ? ` (${plain(reason)})` : "");

/** A state of a key at a door, or of a link in the chain. */
export const state = (word, reason) => mark(STATES[word] ?? "wait", plain(word), because(reason));

export const toLock = (id, name) => h("a", { href: `/locks/${encodeURIComponent(id)}` }, name ?? id);

export const toWhy = (id, text) => h("a", { href: `/why/${encodeURIComponent(id)}` }, text ?? id);

export const until = (ends) => (ends === null ? "without end" : when(ends));

export function link(lock) {
  if (!lock.active) return mark("note", "inactive");
  if (!lock.online) return mark("bad", "offline", because(lock.reason));
  return lock.last_contact ? mark("ok", "online") : mark("wait", "not heard yet");
}

/** Low where the lock warns, or the hub does. */
export function battery(lock, alerts) {
  const level = lock.battery === null ? "" : `${lock.battery}\u00a0%`;
  const warned = alerts.some(({ code, subject }) => subject === lock.lock_id && EMPTY.includes(code));
  if (lock.battery_low || warned) return mark("bad", level, " low");
  return level ? mark("ok", level) : "not told";
}

export function use(last) {
  return last === null ? null : [when(last.at), " ", last.key_id ? toWhy(last.key_id) : "not known who"];
}

/** The events that people look for, in words. */
export const HAPPENED = {
  "lock.used": "used", "lock.wrong_code": "a wrong code was typed", "lock.keypad_disabled": "the keypad was locked out",
  "lock.jammed": "the bolt was jammed", "lock.tampered": "the cover was opened", "lock.reset": "all codes were deleted",
  "lock.offline": "it fell silent", "lock.online": "it answers again", "lock.battery": "the battery told its level",
  "code.confirmed": "the lock showed the code", "code.failed": "the code is not on it",
  "code.lost": "the code was gone", "code.removed": "the code is off it", "code.removal_failed": "the code is still on it",
};

export const happened = ({ type, data }) => HAPPENED[type] + (data.reason ? `: ${plain(data.reason)}` : "");

/** How many doors of a key are as they should be, and each other one by its name. */
export function doors(found, names) {
  const well = found.filter((door) => STATES[door.state] === "ok" || (door.state === "waiting" && !door.reason));
  const others = found.filter((door) => !well.includes(door));
  const said = others.map((door) =>
    h("span", { class: "door" }, toLock(door.lock_id, names?.[door.lock_id]), " ", state(door.state, door.reason)));
  const waits = well.some((door) => door.state === "waiting");
  return [well.length ? mark(waits ? "wait" : "ok", `${well.length} of ${found.length} ${waits ? "in time" : "proven"}`) : null, said];
}

/** What needs a person, the worst first; what has time is folded. */
export function alerts(found, locks) {
  const [soon, late] = [found.filter((each) => each.severity !== "notice"), found.filter((each) => each.severity === "notice")];
  const list = (those) => h("ul", { class: "alerts" }, those.map((each) => alert(each, locks)));
  return [
    soon.length ? list(soon) : h("p", null, mark("ok", "Nothing needs a person.")),
    late.length ? h("details", null, h("summary", null, `${late.length} more for when it suits`), list(late)) : null,
  ];
}

function alert({ code, severity, subject, text, since, what_to_do: todo }, locks) {
  const lock = subject.split("/")[0];
  const more = locks?.has(subject) ? toLock(subject, "The lock")
    : locks?.has(lock) || code === "mapping_unknown" ? toWhy(subject, "Why") : null;
  return h("li", { class: severity },
    h("p", null, mark(SEVERITIES[severity], h("strong", null, severity), ": ", text)),
    h("p", null, "Since ", when(since), ". To do: ", todo, ". ", more),
    code === "brake_held" ? act("Confirm what the brake holds", "brake.confirm", { brake_id: subject }) : null);
}

/** A button for a command, where the page may send any. */
export function act(text, type, data) {
  if (document.body.dataset.changes !== "yes") return null;
  return h("p", null, h("button", { type: "button", "data-type": type, "data-data": JSON.stringify(data) }, text));
}
