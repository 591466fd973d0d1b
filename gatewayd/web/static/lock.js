// One lock: what it is, its days drawn, the keys at it.

import { facts, h, table } from "/draw.js";
import { ask } from "/hub.js";
import { timeline } from "/timeline.js";
import { diagnosis } from "/why.js";
import { act, alerts, battery, link, state, toWhy, until, use, when } from "/words.js";

const EVENTS = 500;

export async function lock(hub, id) {
  const here = encodeURIComponent(id);
  const [lock, found, { events }] = await Promise.all([
    ask(`/v1/locks/${here}`),
    ask(`/v1/why/${here}`),
    ask(`/v1/events?lock=${here}&limit=${EVENTS}`),
  ]);
  return {
    title: lock.name,
    inside: [
      facts([
        ["Link", link(lock)],
        ["Last heard", when(lock.last_contact) ?? "never"],
        ["Battery", battery(lock, lock.alerts)],
        ["Last used", use(lock.last_use) ?? "not known"],
        ["Next arrival", when(lock.next_arrival) ?? "none"],
        ["Lock", `${lock.lock_id}, ${lock.driver} ${lock.address}`],
        ["Of", lock.properties.join(", ") || "no property"],
        ["Closed", lock.allow_provisioning ? null : "nothing new is written (allow_provisioning)"],
        ["Codes of people", lock.foreign_slots.length ? `in slots ${lock.foreign_slots.join(", ")}` : null],
        ["If all else fails", lock.fallback_note],
      ]),
      act("Try at once", "lock.sync_now", { lock_id: id }),
      h("section", { "aria-labelledby": "needed" }, h("h2", { id: "needed" }, "What needs a person"), alerts(lock.alerts)),
      h("section", { "aria-labelledby": "days" }, h("h2", { id: "days" }, "Its days"), timeline(lock, events)),
      h("section", { "aria-labelledby": "keys" },
        h("h2", { id: "keys" }, "Keys"),
        table("That are on it, or come",
          ["Key", "From", "To", "Here", "Proof", "Next try"],
          lock.keys.flatMap((key) => key.doors.filter((door) => door.lock_id === id).map((door) => [
            toWhy(`${id}/${key.key_id}`, key.key_id), when(key.starts), until(key.ends),
            state(door.state, door.reason), door.proof, when(door.next_try_at),
          ])))),
      h("section", { "aria-label": "Why" }, h("h2", null, "Why it is so"), diagnosis(found.diagnosis)),
    ],
  };
}
