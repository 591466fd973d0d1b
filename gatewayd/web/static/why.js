// Why a code is, or is not, on its doors.

import { h, table } from "/draw.js";
import { ask } from "/hub.js";
import { alerts, state, toLock, until, when } from "/words.js";

/** Of a reservation, a key, or a key at one door. */
export async function why(hub, subject) {
  const { locks } = await ask("/v1/locks");
  const named = locks.filter((lock) => [lock.lock_id, lock.name.toLowerCase()].includes(subject.toLowerCase()));
  if (named.length === 1) return elsewhere(`/locks/${encodeURIComponent(named[0].lock_id)}`);
  const names = Object.fromEntries(locks.map((lock) => [lock.lock_id, lock.name]));
  const [found, keys] = await Promise.all([ask(`/v1/why/${encodeURIComponent(subject)}`), keysOf(subject)]);
  return {
    title: subject,
    inside: [
      diagnosis(found.diagnosis),
      keys.map((key) => [
        h("section", { "aria-label": key.key_id },
          h("h2", null, `Doors of ${key.key_id}`),
          table([`${key.status}, from `, when(key.starts), " to ", until(key.ends), key.hours ? `, ${key.hours}` : ""],
            ["Door", "State", "Proof", "Next try"],
            key.doors.map((door) => [
              toLock(door.lock_id, names[door.lock_id]), state(door.state, door.reason), door.proof, when(door.next_try_at),
            ])),
          key.alerts?.length ? alerts(key.alerts) : null),
      ]),
    ],
  };
}

/** Nothing more is drawn here. */
function elsewhere(path) {
  location.replace(path);
  return new Promise(() => {});
}

/** The keys that are meant: those of a reservation, else the one. */
async function keysOf(subject) {
  const id = encodeURIComponent(subject.slice(subject.lastIndexOf("/") + 1));
  const { keys } = await ask(`/v1/keys?reservation=${id}`);
  if (keys.length) return keys;
  return [await ask(`/v1/keys/${id}`).catch((error) => (error.status === 404 ? null : Promise.reject(error)))].filter(Boolean);
}

/** The answer, the chain that leads to it, what comes next and what to do. */
export function diagnosis(found) {
  return [
    h("p", { class: "summary" }, found.summary),
    found.next ? h("p", null, h("strong", null, "Next: "), found.next.text) : null,
    found.what_to_do.length
      ? h("section", { "aria-labelledby": "todo" }, h("h2", { id: "todo" }, "What to do"),
          h("ol", null, found.what_to_do.map((each) => h("li", null, each))))
      : null,
    h("section", { "aria-labelledby": "chain" }, h("h2", { id: "chain" }, "Link by link"),
      h("ol", { class: "chain" }, found.links.map((link) =>
        h("li", { class: link.state }, state(link.state), " ",
          h("strong", null, link.door_name ? `${link.door_name}, ${link.name}` : link.name), `: ${link.text}`)))),
    found.attempts.length
      ? h("section", { "aria-labelledby": "attempts" }, h("h2", { id: "attempts" }, "What happened last"),
          h("ul", null, found.attempts.map((each) => h("li", null, each.text))))
      : null,
  ];
}
