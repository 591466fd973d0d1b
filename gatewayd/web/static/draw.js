// Elements, tables, and how what is shown becomes what is to be shown.

const SVG = "http://www.w3.org/2000/svg";

/** An element; attributes that are null, undefined or false are left out. */
export const h = (name, about, ...inside) => fill(document.createElement(name), about, inside);

/** The same, of a drawing. */
export const s = (name, about, ...inside) => fill(document.createElementNS(SVG, name), about, inside);

function fill(node, about, inside) {
  for (const [name, value] of Object.entries(about ?? {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...inside.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== ""));
  return node;
}

/** A table that becomes a list of cards on a phone; the first cell of a row names it. Its roles are
 *  said, for browsers forget them where cells are no longer drawn as cells. */
export function table(caption, columns, rows) {
  const cell = (inside, n) =>
    n === 0
      ? h("th", { scope: "row", role: "rowheader" }, inside)
      : h("td", { role: "cell", "data-head": columns[n] }, inside ?? "–");
  return h("table", { role: "table" },
    h("caption", null, caption),
    h("thead", { role: "rowgroup" },
      h("tr", { role: "row" }, columns.map((each) => h("th", { scope: "col", role: "columnheader" }, each)))),
    h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row" }, row.map(cell)))));
}

/** A list of terms. */
export const facts = (pairs) =>
  h("dl", null, pairs.filter(([, said]) => said !== null).map(([name, said]) => h("div", null, h("dt", null, name), h("dd", null, said))));

/** Changes what differs and leaves the rest alone: so focus, selection and what is open stay. */
export function patch(was, now) {
  if (was.isEqualNode(now)) return;
  if (was.nodeName !== now.nodeName || was.nodeType !== Node.ELEMENT_NODE) {
    was.replaceWith(now);
    return;
  }
  for (const { name } of [...was.attributes]) if (!now.hasAttribute(name) && name !== "open") was.removeAttribute(name);
  for (const { name, value } of now.attributes) was.setAttribute(name, value);
  const [before, after] = [[...was.childNodes], [...now.childNodes]];
  after.forEach((node, n) => (before[n] ? patch(before[n], node) : was.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
}
