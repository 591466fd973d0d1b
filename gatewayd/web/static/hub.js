// Asking the hub, telling it, and hearing when something happened.

const AGAIN_MS = 3000;

/** An answer; a question that the hub cannot answer is an error with its words. */
export async function ask(path, about) {
  const answer = await fetch(path, about);
  if (answer.status === 401) location.assign("/login");
  if (answer.ok) return answer.json();
  const said = await answer.text();
  const problem = answer.headers.get("content-type")?.includes("json");
  throw Object.assign(new Error(problem ? JSON.parse(said).message : said), { status: answer.status });
}

/** A command; what comes of it is heard like everything else. */
export const tell = (type, data) =>
  ask("/v1/commands", { method: "POST", body: JSON.stringify({ type, data }) });

/** Calls `heard` whenever the hub told something, and when it is there again after it was gone. Who
 *  is not looked at does not listen: a browser has six connections for all its tabs. */
export async function follow(heard, gone) {
  for (;;) {
    await looked();
    const stop = new AbortController();
    const hide = () => document.hidden && stop.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      const answer = await fetch("/v1/events", { headers: { Accept: "text/event-stream" }, signal: stop.signal });
      if (!answer.ok) throw new Error(answer.statusText);
      heard();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
        if (value.includes("data:")) heard();
      }
    } catch {
      // it is gone, and asked again
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
    if (stop.signal.aborted) continue;
    gone();
    await new Promise((go) => setTimeout(go, AGAIN_MS));
  }
}

const looked = () =>
  document.hidden ? new Promise((go) => document.addEventListener("visibilitychange", go, { once: true })) : null;
