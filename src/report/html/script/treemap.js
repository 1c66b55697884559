// The map of sizes. Only what is large enough to be seen is drawn; the rest of a folder is one tile, which can be zoomed into.
//
// The tiles of the zoom level are buttons, one of which is in the tab order (arrow keys go on from it). What lies in them is drawn
// for the eye: a screen reader comes there by zooming in.

const SMALLEST = { button: 150, tile: 30 }; // square pixels
const SOME = 500; // tiles
const HEADER = { button: 20, tile: 16 }; // pixels

const map = { root: null, zoom: null, width: 0, height: 0, nodes: new WeakMap(), buttons: [] };

function openMap(root) {
  map.root = root;
  map.zoom = root;
}

// Draws the zoom level anew. What the filter left nothing of is not stayed in.
function drawMap() {
  while (map.zoom.parent && (map.zoom.rest || map.zoom.size === 0)) {
    map.zoom = map.zoom.parent;
  }
  const element = byId("map");
  const { clientWidth: width, clientHeight: height } = element;
  Object.assign(map, { width, height });
  map.buttons = [];
  const tiles = visible(map.zoom, width * height, SMALLEST.button);
  const placed = squarify(tiles, 0, 0, width, height);
  element.replaceChildren(...placed.map((rectangle) => button(rectangle)));
  if (placed.length === 0) {
    element.append(make("p", { class: "nothing" }, "Nothing here has a size in this view."));
  }
  element.setAttribute("aria-label", `Map of sizes: ${where(map.zoom)}`);
  enter(map.buttons[0], false);
  drawCrumbs();
  say(null);
}

// The children of a node that are large enough, the largest first, and one tile for those that are not.
function visible(node, area, smallest) {
  const children = node.children.filter((child) => child.size > 0).sort((a, b) => b.size - a.size);
  const enough = (smallest * node.size) / Math.max(area, 1);
  let count = children.findIndex((child) => child.size < enough);
  if (count === 0 && node === map.zoom) {
    // Many of about one size: some are shown all the same, so that zooming in leads on.
    count = Math.min(SOME, children.length);
  }
  if (count < 0 || count >= children.length - 1) {
    return children;
  }
  const small = children.slice(count);
  const rest = { ...folder(`${exact(small.length)} smaller`, node.path, node, node.part), ...nothing(), rest: true, children: small };
  for (const child of small) {
    (child.children ? add : addFile)(rest, child);
  }
  return [...children.slice(0, count), rest];
}

function button({ item, x, y, width, height }) {
  const [left, top] = [Math.round(x), Math.round(y)];
  const box = { width: Math.round(x + width) - left - 2, height: Math.round(y + height) - top - 2 };
  const element = make("button", { type: "button", tabindex: "-1", "aria-label": `${describe(item).join(", ")}${item.children ? ", opens" : ""}` });
  dress(element, item, left + 1, top + 1, box, HEADER.button);
  map.buttons.push(element);
  return element;
}

// What a tile has: its place, its colour, its label where there is room, and what lies in it.
function dress(element, node, left, top, box, header) {
  Object.assign(element.style, { left: `${left}px`, top: `${top}px`, width: `${Math.max(box.width, 1)}px`, height: `${Math.max(box.height, 1)}px` });
  element.classList.add("tile");
  map.nodes.set(element, node);
  const opens = node.children && box.width >= 26 && box.height >= 26;
  if (opens) {
    element.classList.add("folder");
  } else {
    element.dataset.colour = colourOf(node);
  }
  const labelled = label(element, node, box, opens, header);
  if (opens) {
    inside(element, node, box, labelled ? header : 2);
  }
}

function colourOf(node) {
  return chosen("colour") === "growth" ? growth(node) : mainKind(node);
}

// Where it fits: the name, and below it or beside it the size.
function label(element, node, box, opens, header) {
  const name = shown(labelOf(node));
  const room = box.width - 8;
  if (room < Math.min(name.length, 6) * 6.4 || box.height < header - 2) {
    return false;
  }
  const bytes = human(node.size);
  const beside = room > (name.length + bytes.length + 2) * 6.4;
  const below = !opens && box.height >= 34 && room >= bytes.length * 6;
  element.append(
    make("span", { class: "label" }, make("span", { class: "label-name" }, name), beside || below ? make("span", { class: beside ? "label-size" : "label-size below" }, bytes) : null),
  );
  return true;
}

function inside(element, node, box, top) {
  const [width, height] = [box.width - 4, box.height - top - 2];
  for (const place of squarify(visible(node, width * height, SMALLEST.tile), 2, top, width, height)) {
    const [left, upper] = [Math.round(place.x), Math.round(place.y)];
    const inner = { width: Math.round(place.x + place.width) - left - 1, height: Math.round(place.y + place.height) - upper - 1 };
    if (inner.width >= 1 && inner.height >= 1) {
      const tile = document.createElement("span");
      dress(tile, place.item, left, upper, inner, HEADER.tile);
      element.append(tile);
    }
  }
}

// What is said of a node: name, sizes, share, what became of it.
function describe(node) {
  const total = map.root.size;
  const lines = [node.children ? labelOf(node) : node.path || node.name];
  const sums = sumsOf(node);
  const word = { before: "before", after: chosen("bytes"), difference: "changed" }[sizesShown()];
  lines.push(`${human(node.size)} (${exact(node.size)} bytes) ${word}`, `${percent(node.size, total)} of all`);
  if (hasChange()) {
    lines.push(`${human(sums.before)} → ${human(sums.after)} (${signed(sums.after - sums.before)}, ${growth(node)})`);
  }
  lines.push(node.children ? counted(sums.here || node.files, "file") : KIND_NAMES[node.kind]);
  return lines;
}

const where = (node) => (node.parent ? `${labelOf(node)}, ${human(node.size)}, ${percent(node.size, map.root.size)} of all` : `everything, ${human(node.size)}`);

function drawCrumbs() {
  const way = [];
  for (let node = map.zoom; node; node = node.parent) {
    way.unshift(node);
  }
  const crumbs = way.map((node) => {
    const name = node.parent ? labelOf(node) : "Everything";
    if (node === map.zoom) {
      return make("li", {}, make("span", { "aria-current": "location" }, name, " ", size(node.size), sizesShown() === "difference" ? make("span", { class: "size" }, " changed") : null));
    }
    const back = make("button", { type: "button", class: "link" }, name);
    back.addEventListener("click", () => zoomTo(node));
    return make("li", {}, back);
  });
  fill("crumbs", ...crumbs);
}

// Zooms, says so, and puts the focus on the tile it came from, or on the first.
function zoomTo(node) {
  let from = map.zoom;
  map.zoom = node;
  drawMap();
  while (from && from.parent !== node) {
    from = from.parent;
  }
  const tile = map.buttons.find((button) => map.nodes.get(button) === from || (from?.rest && map.nodes.get(button).rest));
  enter(tile ?? map.buttons[0], true);
  byId("map-status").textContent = shown(`Zoomed to ${where(node)}, ${counted(map.buttons.length, "tile")}`);
}

// Shows a node where it lies: its folder, with the tile focused that it is in.
function showInMap(node) {
  zoomTo(node.children ? node : node.parent);
  const tile = map.buttons.find((button) => map.nodes.get(button) === node);
  enter(tile ?? map.buttons[0], true);
  byId("map").scrollIntoView({ block: "nearest" });
}

// Makes a tile the one in the tab order.
function enter(tile, focus) {
  for (const button of map.buttons) {
    button.tabIndex = button === tile ? 0 : -1;
  }
  if (focus) {
    tile?.focus({ preventScroll: true });
    say(tile ? map.nodes.get(tile) : null);
  }
}

// The line below the map.
function say(node) {
  if (node) {
    const [name, ...rest] = describe(node);
    fill("detail", make("strong", {}, name), ...rest.map((text) => make("span", {}, text)));
  } else {
    fill("detail", make("span", {}, "Point at a tile to read what it is. Click or Enter zooms in, Escape zooms out, arrow keys move between tiles."));
  }
}

function press(tile) {
  const top = tile.closest("button");
  const node = map.nodes.get(tile);
  const opened = node.children && !(node.rest && tile !== top) ? node : map.nodes.get(top);
  if (opened.children) {
    zoomTo(opened);
  } else {
    enter(top, true);
  }
}

// The nearest tile in the direction of an arrow key.
function neighbour(tile, key) {
  const across = key === "ArrowLeft" || key === "ArrowRight";
  const sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  const middle = (element) => {
    const [x, y] = [element.offsetLeft + element.offsetWidth / 2, element.offsetTop + element.offsetHeight / 2];
    return across ? [x, y] : [y, x];
  };
  const [here, side] = middle(tile);
  let best = null;
  for (const other of map.buttons) {
    const [there, aside] = middle(other);
    const ahead = (there - here) * sign;
    const cost = ahead + 2 * Math.abs(aside - side);
    if (other !== tile && ahead > 0.5 && (best === null || cost < best.cost)) {
      best = { other, cost };
    }
  }
  return best?.other ?? tile;
}

function listenToMap() {
  const element = byId("map");
  const tileOf = (event) => event.target.closest?.(".tile");
  element.addEventListener("click", (event) => {
    // Enter on a button is a click on it.
    const tile = tileOf(event);
    if (tile) {
      hideTip();
      press(tile);
    }
  });
  element.addEventListener("focusin", (event) => {
    const tile = tileOf(event);
    enter(tile, false);
    say(map.nodes.get(tile));
  });
  element.addEventListener("pointermove", (event) => {
    const tile = tileOf(event);
    if (tile && event.pointerType === "mouse") {
      say(map.nodes.get(tile));
      showTip(map.nodes.get(tile), event.clientX, event.clientY);
    } else {
      hideTip();
    }
  });
  element.addEventListener("pointerleave", hideTip);
  byId("contents").addEventListener("keydown", (event) => {
    const tile = tileOf(event);
    const out = event.key === "Escape" || (event.key === "Backspace" && tile);
    if (out && !event.target.closest("form") && map.zoom.parent) {
      event.preventDefault();
      hideTip();
      zoomTo(map.zoom.parent);
    } else if (tile && event.key.startsWith("Arrow")) {
      event.preventDefault();
      enter(neighbour(tile, event.key), true);
    } else if (tile && (event.key === "Home" || event.key === "End")) {
      event.preventDefault();
      enter(map.buttons.at(event.key === "Home" ? 0 : -1), true);
    }
  });
  // Paper is narrower than a screen, and tiles have places in pixels.
  addEventListener("beforeprint", () => {
    Object.assign(element.style, { width: "680px", height: "480px" });
    drawMap();
  });
  addEventListener("afterprint", () => {
    Object.assign(element.style, { width: "", height: "" });
    drawMap();
  });
  new ResizeObserver(() => {
    if (map.root && (element.clientWidth !== map.width || element.clientHeight !== map.height)) {
      drawMap();
    }
  }).observe(element);
}
