// How it stands: what needs a person first.

import { facts, h, table } from "/draw.js";
import { ask } from "/hub.js";
import { HAPPENED, act, alerts, battery, doors, happened, link, mark, toLock, toWhy, until, use, when } from "/words.js";

const [ARRIVALS, EVENTS] = [10, 10];

export async function overview(hub) {
  const [{ locks }, { keys }, { events }] = await Promise.all([
    ask("/v1/locks"),
    ask(`/v1/keys?status=upcoming&limit=${ARRIVALS}`),
    ask(`/v1/events?type=${Object.keys(HAPPENED)}&limit=${EVENTS}`),
  ]);
  const names = Object.fromEntries(locks.map((lock) => [lock.lock_id, lock.name]));
  return {
    title: hub.hub,
    inside: [
      h("section", { "aria-labelledby": "needed" },
        h("h2", { id: "needed" }, "What needs a person"),
        alerts(hub.alerts, new Set(Object.keys(names)))),
      h("section", { "aria-labelledby": "locks" },
        h("h2", { id: "locks" }, "Locks"),
        table(`${hub.locks.online} online, ${hub.locks.offline} offline`,
          ["Lock", "Link", "Battery", "Last heard", "Codes proven", "Next arrival", "Last used"],
          locks.map((lock) => [
            toLock(lock.lock_id, lock.name), link(lock), battery(lock, hub.alerts), when(lock.last_contact),
            proven(lock), when(lock.next_arrival), use(lock.last_use),
          ]))),
      h("section", { "aria-labelledby": "arrivals" },
        h("h2", { id: "arrivals" }, "Next arrivals"),
        keys.length
          ? table(`${hub.keys.current} keys are current, ${hub.keys.upcoming} are coming`,
              ["Key", "From", "To", "Doors"],
              keys.map((key) => [toWhy(key.key_id), when(key.starts), until(key.ends), doors(key.doors, names)]))
          : h("p", null, "Nobody is expected.")),
      h("section", { "aria-labelledby": "events" },
        h("h2", { id: "events" }, "What happened last"),
        h("ul", null, events.map((each) =>
          h("li", null, when(each.data.at ?? each.at), " ", toLock(each.lock_id, names[each.lock_id]), `: ${happened(each)} `,
            each.key_id ? toWhy(each.key_id) : null)))),
      h("section", { "aria-labelledby": "hub" },
        h("h2", { id: "hub" }, "Hub"),
        facts([
          ["Cloud", [reached(hub.cloud, "connected", "not connected"), `; ${hub.cloud.waiting} events wait for it`]],
          ...hub.radios.map((radio) => [`Radio ${radio.name}`, reached(radio, "up", "down")]),
          ["Clock", hub.clock.trusted ? mark("ok", "right") : mark("note", "in doubt, at most ", when(hub.clock.latest))],
          ["gatewayd", [`${hub.version}, since `, when(hub.since)]],
        ]),
        act("Check all locks now", "health.run", {})),
    ],
  };
}

function proven(lock) {
  const all = lock.codes_shown + lock.codes_unshown;
  return all ? mark(lock.codes_unshown ? "wait" : "ok", `${lock.codes_shown} of ${all}`) : "none there";
}

function reached(reach, up, down) {
  const why = reach.why ? ` (${reach.why})` : "";
  return [mark(reach.up ? "ok" : "bad", reach.up ? up : down), " since ", when(reach.since), why];
}
