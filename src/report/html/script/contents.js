// What is in the artifact: one filter for the map, the parts and the files.

const KIND_NAMES = { library: "shared libraries", bytecode: "bytecode", source: "Python sources", data: "data" };
const GROWTH_NAMES = { new: "new", grew: "grew", same: "same size", shrank: "shrank", gone: "gone" };

const contents = { artifact: null, tree: null, parts: null, files: null };

const hasChange = () => Boolean(contents.artifact.change);
const sizesShown = () => (hasChange() ? chosen("sizes") : "after");

function openContents(artifact) {
  const tree = treeOf(artifact);
  Object.assign(contents, { artifact, tree });
  const packed = artifact.entries.some((entry) => Number.isFinite(entry.packed));
  byId("bytes").hidden = !packed;
  byId("sizes").hidden = !artifact.change;
  byId("colour").hidden = !artifact.change;
  byId("scope").hidden = !artifact.parts.some((part) => part.kind === "base");
  choose("bytes", "unpacked");
  choose("sizes", "after");
  choose("scope", "all");
  choose("colour", artifact.change ? "growth" : "kind");
  byId("text").value = "";
  drawChips(artifact.kinds);
  contents.parts = makeTable("parts-table", "Parts", partColumns(packed), { key: "unpacked", descending: true });
  contents.files = makeTable("files-table", "Files", fileColumns(packed), { key: "unpacked", descending: true });
  openMap(tree.root);
  byId("map-status").textContent = "";
  refresh();
}

// One box a kind, which is the legend of the map's colours too.
function drawChips(kinds) {
  const chips = KINDS.filter((kind) => kinds.some((total) => total.kind === kind)).map((kind) => {
    const total = kinds.find((total) => total.kind === kind);
    const box = make("input", { type: "checkbox", name: "kind", value: kind, checked: true });
    const title = `${counted(total.files, "file")}, ${exact(total.unpacked)} bytes`;
    return make("label", { class: "chip", title }, box, make("span", { class: "swatch", "data-colour": kind }), make("span", {}, KIND_NAMES[kind]), size(total.unpacked));
  });
  byId("kinds").replaceChildren(byId("kinds").firstElementChild, ...chips);
}

// Which files the filter keeps.
function keeper() {
  const words = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const boxes = [...document.querySelectorAll('input[name="kind"]')];
  const kinds = new Set(KINDS.filter((kind) => !boxes.some((box) => box.value === kind && !box.checked)));
  const scope = chosen("scope");
  return (file) => {
    const isBase = file.part.kind === "base";
    if (!kinds.has(file.kind) || (scope === "own" && isBase) || (scope === "base" && !isBase)) {
      return false;
    }
    if (words.length === 0) {
      return true;
    }
    file.searched ??= `${file.path} ${titleOf(file.part)}`.toLowerCase();
    return words.every((word) => file.searched.includes(word));
  };
}

// How large a file is in the view that is chosen.
function sizer() {
  switch (sizesShown()) {
    case "before":
      return (file) => file.before;
    case "difference":
      return (file) => Math.abs(file.after - file.before);
    default:
      return chosen("bytes") === "packed" ? (file) => file.packed : (file) => file.after;
  }
}

function refresh() {
  const { root, files } = contents.tree;
  const onlyUnpacked = sizesShown() !== "after";
  byId("bytes").disabled = onlyUnpacked;
  if (onlyUnpacked) {
    choose("bytes", "unpacked");
  }
  measure(root, keeper(), sizer());
  drawMap();
  drawLegend();
  const kept = files.filter((file) => file.kept);
  showRows(contents.parts, root.children.filter((part) => part.files > 0));
  showRows(contents.files, kept);
  drawCount(kept.length, root.sums);
}

function drawCount(kept, sums) {
  const gone = kept - sums.here;
  const packed = byId("bytes").hidden ? "" : `, ${human(sums.packed)} packed`;
  const change = hasChange() ? `, ${signed(sums.after - sums.before)} since the baseline` : "";
  byId("count").textContent = `${exact(sums.here)} of ${counted(contents.artifact.entries.length, "file")}${gone > 0 ? `, ${exact(gone)} gone` : ""}: ${human(sums.after)} unpacked${packed}${change}`;
}

function drawLegend() {
  byId("legend").hidden = chosen("colour") !== "growth";
  fill("legend", ...Object.entries(GROWTH_NAMES).map(([key, name]) => make("li", {}, make("span", { class: "swatch", "data-colour": key }), name)));
}

// The name of a row, which leads to its tile.
function nameCell(node, name) {
  const button = make("button", { type: "button", class: "link", title: "Show in the map" }, name);
  button.addEventListener("click", () => showInMap(node));
  return button;
}

// Unpacked, what it was before, its share, packed: as far as the report has them.
function sizeColumns(packed) {
  const change = [
    changeColumn("difference", "Difference", (row) => sumsOf(row).after - sumsOf(row).before),
    bytesColumn("before", "Before", (row) => sumsOf(row).before),
  ];
  return [
    bytesColumn("unpacked", "Unpacked", (row) => sumsOf(row).after),
    ...(hasChange() ? change : []),
    shareColumn((row) => sumsOf(row).after, () => contents.tree.root.sums.after),
    ...(packed ? [bytesColumn("packed", "Packed", (row) => sumsOf(row).packed)] : []),
  ];
}

const PART_KINDS = { distribution: "distribution", own: "own", folder: "folder", base: "base" };
const KNOWN_BY = { record: "by RECORD", metadata: "by METADATA", place: "by place" };

function partColumns(packed) {
  return [
    { key: "name", title: "Part", value: (row) => row.part.name, cell: (row) => nameCell(row, titleOf(row.part)) },
    { key: "kind", title: "Known", class: "secondary", value: (row) => row.part.kind, cell: (row) => `${PART_KINDS[row.part.kind]}, ${KNOWN_BY[row.part.known_by]}` },
    ...sizeColumns(packed),
    { key: "files", title: "Files", numeric: true, value: (row) => row.sums.here, cell: (row) => exact(row.sums.here) },
  ];
}

function fileColumns(packed) {
  return [
    { key: "path", title: "Path", value: (row) => row.path, cell: (row) => nameCell(row, row.path || row.name) },
    { key: "part", title: "Part", class: "secondary", value: (row) => row.part.name },
    { key: "kind", title: "Kind", class: "secondary", value: (row) => row.kind, cell: (row) => make("span", {}, make("span", { class: "swatch", "data-colour": row.kind }), KIND_NAMES[row.kind]) },
    ...sizeColumns(packed),
  ];
}

function listenToContents() {
  let waiting = 0;
  byId("filter").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 120);
  });
  byId("filter").addEventListener("reset", () => setTimeout(refresh));
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("sizes").addEventListener("change", () => {
    if (chosen("sizes") === "difference") {
      choose("colour", "growth");
    }
    refresh();
  });
  byId("bytes").addEventListener("change", refresh);
  byId("colour").addEventListener("change", refresh);
  byId("rows").addEventListener("change", () => {
    byId("parts-table").hidden = chosen("rows") !== "parts";
    byId("files-table").hidden = chosen("rows") !== "files";
  });
}
