// A lock's days as a drawing: who may come when, when the code was there, what went wrong, who came;
// and the same in words.

import { h, s, table } from "/draw.js";
import { happened, now, parts, short, toWhy, until, when } from "/words.js";

const DAY = 86400e3;
const [BEFORE, AFTER] = [3 * DAY, 4 * DAY];
const LANES = 14; // more keys than that are a list, not a picture
const [TOP, LANE, BAR, LABEL, BELOW] = [22, 34, 12, 14, 16];
const [NARROWEST, WIDEST] = [260, 1000];
const NAME = 18; // letters of a key's name
const GOES_IN = ["code.confirmed"];
const GOES_OUT = ["code.removed", "code.lost"];
const TRIES = ["code.failed", "code.removal_failed"];
const TROUBLE = ["lock.wrong_code", "lock.keypad_disabled", "lock.jammed", "lock.tampered", "lock.reset"];

export function timeline(lock, events) {
  const [from, to] = [+now() - BEFORE, +now() + AFTER];
  const told = events.toReversed().map((event) => ({ ...event, at: +new Date(event.data.at ?? event.at) }));
  const within = ({ at }) => at >= from && at <= to;
  const keys = lock.keys.filter((key) => +new Date(key.starts) < to && (key.ends === null || +new Date(key.ends) > from)).slice(0, LANES);
  const faults = spans(told, ["lock.offline"], ["lock.online"]);
  const own = [
    ...told.filter((each) => within(each) && TROUBLE.includes(each.type))
      .map((each) => ({ ...each, sign: "trouble", text: happened(each) })),
    ...told.filter((each) => within(each) && each.type === "lock.used" && !keys.some((key) => key.key_id === each.key_id))
      .map((each) => ({ ...each, sign: "used", text: `${happened(each)} by ${each.key_id ?? "somebody not known"}` })),
  ];
  const lanes = keys.map((key) => {
    const his = told.filter((event) => event.key_id === key.key_id);
    return {
      key,
      there: presence(key.doors.find((door) => door.lock_id === lock.lock_id), spans(his, GOES_IN, GOES_OUT)),
      signs: his.filter(within).flatMap((each) =>
        TRIES.includes(each.type) ? { ...each, sign: "failed", text: happened(each) }
          : each.type === "lock.used" ? { ...each, sign: "used", text: happened(each) } : []),
    };
  });
  return [
    h("figure", { class: "timeline" }, drawn(from, to, faults, own, lanes), legend()),
    h("details", null, h("summary", null, "The same in words"), inWords(faults, own, lanes)),
  ];
}

/** From what begins to what ends it, or to now. */
function spans(told, begins, ends) {
  const found = [];
  let since = null;
  for (const { type, at } of told) {
    if (begins.includes(type)) since ??= at;
    else if (ends.includes(type) && since !== null) {
      found.push([since, at]);
      since = null;
    }
  }
  return since === null ? found : [...found, [since, +now()]];
}

/** Of a code whose coming is not among the events it is known that it is there now. */
const presence = (door, found) => (found.length || door?.state !== "proven" ? found : [[+now(), +now()]]);

function drawn(from, to, faults, own, lanes) {
  const width = Math.max(NARROWEST, Math.min(WIDEST, document.getElementById("main").clientWidth));
  const height = TOP + (lanes.length + 1) * LANE + BELOW;
  const x = (at) => Math.round(((Math.max(from, Math.min(to, +new Date(at))) - from) / (to - from)) * width * 10) / 10;
  const bar = (kind, [start, end], y, high, text) =>
    s("rect", { class: kind, x: x(start), y, width: Math.max(4, x(end) - x(start)), height: high }, s("title", null, text));
  const counts = `${lanes.length} keys, ${faults.length} times without an answer, ${own.length} other events`;
  const said = `Three days before now and four after: ${counts}; the same in words is below`;
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": said },
    s("defs", null, s("pattern", { id: "stripes", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("line", { class: "stripe", x1: 0, y1: 0, x2: 0, y2: 6 }))),
    days(from, to).map((at) => [
      s("line", { class: "day", x1: x(at), x2: x(at), y1: 0, y2: height }),
      x(at) + 30 < width ? s("text", { x: x(at) + 3, y: 12 }, parts(at).weekday) : null,
    ]),
    s("text", { x: 2, y: TOP + LABEL - 3 }, "the lock"),
    faults.map((each) => bar("fault", each, TOP + LABEL, BAR, `no answer, ${spoken(each)}`)),
    own.map((each) => sign(each, x, TOP + LABEL)),
    lanes.map(({ key, there, signs }, n) => {
      const y = TOP + (n + 1) * LANE;
      const stay = [+new Date(key.starts), key.ends === null ? to : +new Date(key.ends)];
      return [
        s("text", { x: Math.min(x(stay[0]) + 2, width - 110), y: y + LABEL - 3 }, brief(key.key_id)),
        bar("stay", stay, y + LABEL, BAR, `${key.key_id}: ${spoken(stay)}`),
        there.map((each) => bar("there", each, y + LABEL + 3, BAR - 6, `the code is there, ${spoken(each)}`)),
        signs.map((each) => sign(each, x, y + LABEL)),
      ];
    }),
    s("line", { class: "now", x1: x(now()), x2: x(now()), y1: 0, y2: height }),
    s("text", { class: "now", x: x(now()) + 3, y: height - 3 }, "now"));
}

const brief = (name) => (name.length > NAME ? `${name.slice(0, NAME)}…` : name);

/** A shape for each kind: a cross failed, a dot used, a triangle trouble. */
function sign({ sign: kind, at, text }, x, y) {
  const [cx, cy] = [x(at), y + BAR / 2];
  const shapes = {
    failed: `M${cx - 4} ${cy - 4}l8 8m0 -8l-8 8`,
    used: `M${cx - 4} ${cy}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`,
    trouble: `M${cx} ${cy - 5}l5 9h-10z`,
  };
  return s("path", { class: kind, d: shapes[kind] }, s("title", null, `${short(at)} ${text}`));
}

/** The midnights of the site's zone. */
function days(from, to) {
  const found = [];
  for (let at = Math.ceil(from / 3600e3) * 3600e3; at < to; at += 3600e3) if (parts(at).hour === "00") found.push(at);
  return found;
}

const orNow = (end) => (end === +now() ? "now" : short(end));

const spoken = ([start, end]) => `${short(start)} to ${short(end)}`;

function legend() {
  const one = (inside, text) => h("li", null, s("svg", { width: 20, height: 14, "aria-hidden": "true" }, inside), " ", text);
  const x = () => 10;
  return h("ul", { class: "legend" },
    one(s("rect", { class: "stay", x: 1, y: 1, width: 18, height: 12 }), "may come"),
    one(s("rect", { class: "there", x: 1, y: 4, width: 18, height: 6 }), "the code is there"),
    one(s("rect", { class: "fault", x: 1, y: 1, width: 18, height: 12 }), "no answer"),
    one(sign({ sign: "failed", at: 0, text: "" }, x, 1), "a try that failed"),
    one(sign({ sign: "used", at: 0, text: "" }, x, 1), "used"),
    one(sign({ sign: "trouble", at: 0, text: "" }, x, 1), "trouble"));
}

function inWords(faults, own, lanes) {
  const rows = [
    ...lanes.map(({ key }) => [+new Date(key.starts), toWhy(key.key_id), ["may come until ", until(key.ends)]]),
    ...lanes.flatMap(({ key, there }) =>
      there.map(([start, end]) => [start, toWhy(key.key_id), `the code is there until ${orNow(end)}`])),
    ...lanes.flatMap(({ key, signs }) => signs.map((each) => [each.at, toWhy(key.key_id), each.text])),
    ...faults.map(([start, end]) => [start, "the lock", `no answer until ${orNow(end)}`]),
    ...own.map((each) => [each.at, "the lock", each.text]),
  ].sort(([one], [other]) => other - one);
  return table("The newest first", ["When", "Who", "What"], rows.map(([at, ...rest]) => [when(new Date(at).toISOString()), ...rest]));
}
