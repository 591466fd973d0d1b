// Which page this is, drawn again whenever the hub told something.

import { h, patch } from "/draw.js";
import { ask, follow, tell } from "/hub.js";
import { lock } from "/lock.js";
import { overview } from "/overview.js";
import { why } from "/why.js";
import { setClock, short } from "/words.js";

const BETWEEN_MS = 1000; // two drawings at the least: a busy hub tells much
const ANYWAY_MS = 30000; // what time brings is told by nobody

const [, kind, name] = location.pathname.split("/");
const subject = name ? decodeURIComponent(name) : new URLSearchParams(location.search).get("q") ?? "";
const page = { "": overview, locks: lock, why }[kind];
const news = document.getElementById("news");

let drawing = false;
let wanted = false;
let drawn = -Infinity;
let alerts = null;

async function draw() {
  wanted = true;
  if (drawing) return;
  drawing = true;
  try {
    while (wanted) {
      await new Promise((go) => setTimeout(go, Math.max(0, drawn + BETWEEN_MS - performance.now())));
      wanted = false;
      await once();
      drawn = performance.now();
    }
  } finally {
    drawing = false;
  }
}

async function once() {
  try {
    const hub = await ask("/v1/status");
    setClock(hub);
    const { title, inside } = await page(hub, subject);
    show(title, inside);
    document.body.dataset.drawn = "yes";
    performance.mark("drawn");
    say(hub);
  } catch (error) {
    if (error.status === undefined) gone();
    else show(subject || "gatewayd", h("p", null, `${error.message}.`));
  }
}

function show(title, inside) {
  document.title = `${title} · gatewayd`;
  patch(document.getElementById("main"), h("main", { id: "main", tabindex: "-1" }, h("h1", null, title), inside));
}

/** What is new among what needs a person, for whoever does not look at it just now. */
function say(hub) {
  const those = new Map(hub.alerts.map((each) => [`${each.code} ${each.subject}`, each.text]));
  const said = [];
  if (alerts) {
    for (const [key, text] of those) if (!alerts.has(key)) said.push(`new: ${text}`);
    for (const [key, text] of alerts) if (!those.has(key)) said.push(`over: ${text}`);
  }
  alerts = those;
  if (said.length) news.textContent = `${short(hub.clock.latest)} ${said.join("; ")}`;
  else if (news.dataset.gone) news.textContent = "The hub answers again.";
  delete news.dataset.gone;
}

function gone() {
  if (news.dataset.gone) return;
  news.dataset.gone = "yes";
  news.textContent = "The hub does not answer: what you see is old.";
}

async function press(button) {
  button.disabled = true;
  try {
    await tell(button.dataset.type, JSON.parse(button.dataset.data));
    news.textContent = `${button.textContent}: the hub took it.`;
  } catch (error) {
    news.textContent = `${button.textContent}: ${error.message}`;
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", ({ target }) => target.dataset?.type && press(target));
addEventListener("resize", draw);
setInterval(() => document.hidden || draw(), ANYWAY_MS);
follow(draw, gone);
