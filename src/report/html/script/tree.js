// The tree of an artifact: parts, in them folders, in them files. A file that is gone since the baseline is in it, too.
//
// A node is { name, path, parent, children, part, kind, after, before, packed }; only a file has sizes of its own.
// `measure` gives every node what a view shows: { size, files, sums, kinds }.

const KINDS = ["library", "bytecode", "source", "data"];
const DEEPEST = 40;

function treeOf(artifact) {
  const root = folder(artifact.name, "", null, null);
  const parts = artifact.parts.map((part) => folder(part.name, "", root, part));
  const files = artifact.entries.map((entry) => {
    const part = parts[entry.part];
    return { path: entry.path, part: part.part, kind: entry.kind, after: entry.unpacked, before: entry.unpacked, packed: entry.packed ?? 0, top: part };
  });
  if (artifact.change) {
    compare(artifact, root, parts, files);
  }
  for (const file of files) {
    place(file);
  }
  root.children = [...parts, ...root.children].filter((part) => part.children.length > 0);
  root.children.forEach(shorten);
  return { root, files };
}

function folder(name, path, parent, part) {
  return { name, path, parent, part, children: [], folders: new Map() };
}

// The paths of the folders that a file is in, from the top; what lies deeper than anybody looks is in the last of them.
function foldersOf(path) {
  const folders = [];
  for (let end = path.indexOf("/"); end >= 0 && folders.length < DEEPEST; end = path.indexOf("/", end + 1)) {
    folders.push(path.slice(0, end + 1));
  }
  return folders;
}

// Hangs a file below its part, with the folders on the way.
function place(file) {
  let above = file.top;
  let start = 0;
  for (const path of foldersOf(file.path)) {
    let next = above.folders.get(path);
    if (!next) {
      next = folder(path.slice(start), path, above, file.part);
      above.folders.set(path, next);
      above.children.push(next);
    }
    above = next;
    start = path.length;
  }
  file.name = file.path.slice(start) || file.path || "(no name)";
  file.parent = above;
  above.children.push(file);
}

// A part or a folder with nothing but a folder is one with it; a part keeps its name.
function shorten(node) {
  while (node.children.length === 1 && node.children[0].children) {
    const [only] = node.children;
    node.name += isPart(node) ? "" : only.name;
    node.path = only.path;
    node.children = only.children;
    node.children.forEach((child) => (child.parent = node));
  }
  node.children.filter((child) => child.children).forEach(shorten);
}

// Sizes of the baseline, and what only it has.
function compare(artifact, root, parts, files) {
  const changes = new Map(artifact.change.files.map((change) => [change.path, change]));
  for (const file of files) {
    const change = changes.get(file.path);
    if (change) {
      file.before = change.before ?? 0;
      file.state = change.before === null ? "new" : null;
    }
  }
  const places = placesOf(files);
  const gone = new Map();
  for (const change of artifact.change.files.filter((change) => change.after === null)) {
    const top = placeOf(change.path, places) ?? goneTop(change.path, artifact.change.parts, root, parts, gone);
    files.push({ path: change.path, part: top.part, kind: guessed(change.path), after: 0, before: change.before ?? 0, packed: 0, state: "gone", top });
  }
}

// By folder the part that all its files are of; null where they are of several.
function placesOf(files) {
  const places = new Map();
  for (const file of files) {
    for (const path of foldersOf(file.path)) {
      const known = places.get(path);
      places.set(path, known === undefined || known === file.top ? file.top : null);
    }
  }
  return places;
}

// The part that a file of the baseline would be of, by the nearest folder that is still there.
function placeOf(path, places) {
  const nearest = foldersOf(path).findLast((folder) => places.has(folder));
  return nearest === undefined ? null : places.get(nearest);
}

// By the names on the path of a file that is gone, the last first: the part that still is, or the one that is gone with it.
function goneTop(path, changes, root, parts, gone) {
  const named = (all) => {
    const names = new Map(all.map((part) => [normal(part.name.replace(/\/$/, "")), part]));
    return names.get(path.split("/", DEEPEST).map(bare).findLast((name) => names.has(name)));
  };
  const still = named(parts);
  if (still) {
    return still;
  }
  const change = named(changes.filter((change) => change.after === null));
  const name = change?.name ?? "gone files";
  if (!gone.has(name)) {
    const part = { name, version: change?.before?.version ?? null, kind: change?.kind ?? "folder", known_by: "place" };
    const top = folder(name, "", root, part);
    gone.set(name, top);
    root.children.push(top);
  }
  return gone.get(name);
}

// What may be a distribution's name in that of a file or folder.
const bare = (name) => normal(name.replace(/-[^-]*\.dist-info$|\.libs$|(\.cpython-\d+)?\.pyc?$/, ""));
const normal = (name) => name.toLowerCase().replace(/[-_.]+/g, "-");

function guessed(path) {
  if (/\.so(\.\d+)*$/.test(path)) {
    return "library";
  }
  return path.endsWith(".pyc") ? "bytecode" : path.endsWith(".py") ? "source" : "data";
}

// Sums of what a filter keeps, from the files up: `sizeOf` says how large a file is in this view.
function measure(node, keeps, sizeOf) {
  Object.assign(node, nothing());
  for (const child of node.children) {
    if (child.children) {
      measure(child, keeps, sizeOf);
      add(node, child);
    } else {
      child.kept = keeps(child);
      child.size = child.kept ? sizeOf(child) : 0;
      if (child.kept) {
        addFile(node, child);
      }
    }
  }
}

// `stay` counts files that both sides have, `here` those of now.
function nothing() {
  return {
    size: 0,
    files: 0,
    sums: { after: 0, before: 0, packed: 0, stay: 0, here: 0 },
    kinds: { library: 0, bytecode: 0, source: 0, data: 0 },
  };
}

function add(node, child) {
  node.files += child.files;
  node.size += child.size;
  for (const key of Object.keys(node.sums)) {
    node.sums[key] += child.sums[key];
  }
  for (const kind of KINDS) {
    node.kinds[kind] += child.kinds[kind];
  }
}

function addFile(node, file) {
  const { sums, kinds } = node;
  node.files += 1;
  node.size += file.size;
  kinds[file.kind] += file.size;
  sums.after += file.after;
  sums.before += file.before;
  sums.packed += file.packed;
  sums.stay += file.state ? 0 : 1;
  sums.here += file.state === "gone" ? 0 : 1;
}

const sumsOf = (node) => node.sums ?? node;

// The kind that most of a node's bytes are of.
function mainKind(node) {
  return node.kind ?? KINDS.reduce((most, kind) => (node.kinds[kind] > node.kinds[most] ? kind : most));
}

// What became of a node since the baseline.
function growth(node) {
  if (node.state) {
    return node.state;
  }
  const { before, after, stay } = sumsOf(node);
  if (before === after) {
    return "same";
  }
  if (stay === 0 && (before === 0 || after === 0)) {
    return before === 0 ? "new" : "gone";
  }
  return after > before ? "grew" : "shrank";
}

// `numpy 2.5.5`, `the function's own`
function titleOf({ name, version, kind }) {
  if (kind === "own" || kind === "base") {
    return kind === "own" ? `the ${name}'s own` : "the base image";
  }
  return version ? `${name} ${version}` : name;
}

const isPart = (node) => Boolean(node.parent) && !node.parent.parent && !node.rest;

function labelOf(node) {
  return isPart(node) ? titleOf(node.part) : node.name;
}
