// Elements. Every text goes in as a text node or an attribute's value, never as markup.

const byId = (id) => document.getElementById(id);

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) {
      element.setAttribute(key, value === true ? "" : shown(value));
    }
  }
  element.append(...children.filter(isChild).map(asNode));
  return element;
}

// What is absent (`null`, `false`) is left out, so that a list of children can have conditions.
const isChild = (child) => child !== null && child !== undefined && child !== false;

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(shown(child));
}

// Puts children in the place of those that are there.
function fill(id, ...children) {
  byId(id).replaceChildren(...children.filter(isChild).map(asNode));
}

// A size with its exact bytes as title.
function size(bytes) {
  return make("span", { class: "size", title: `${exact(bytes)} bytes` }, human(bytes));
}

// A difference of sizes, the same way.
function difference(bytes) {
  const direction = bytes > 0 ? "up" : bytes < 0 ? "down" : "same";
  return make("span", { class: `size ${direction}`, title: `${signed(bytes, exact)} bytes` }, signed(bytes));
}

// What is chosen of a group of radio buttons.
function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`).value;
}

function choose(name, value) {
  document.querySelector(`input[name="${name}"][value="${value}"]`).checked = true;
}

// A bar of parts of a whole. It is for the eye only: the text beside it says the same.
function bar(parts, whole, level) {
  const element = make("span", { class: `track ${level}`, "aria-hidden": "true" });
  const sum = parts.reduce((total, part) => total + part, 0);
  for (const part of parts) {
    const piece = make("span", { class: "piece" });
    piece.style.width = `${(part / Math.max(whole, sum, 1)) * 100}%`;
    element.append(piece);
  }
  return element;
}
