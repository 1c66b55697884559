// What differs from the baseline.

function drawChange({ change, ...artifact }) {
  byId("change").hidden = !change;
  if (!change) {
    return;
  }
  const { before } = change;
  fill("change-before", "Since ", make("b", {}, before.name), before.digest && make("span", { class: "digest" }, ` ${before.digest}`));
  drawTotals(artifact, before);
  drawPartChanges(change.parts);
  drawFileChanges(change.files);
}

function drawTotals(artifact, before) {
  const rows = [
    { title: "unpacked", old: before.unpacked, now: artifact.unpacked },
    { title: "with layers", old: before.unpacked_with_layers, now: artifact.with_layers?.unpacked },
    { title: "packed", old: before.packed, now: artifact.packed },
    { title: "files", old: before.files, now: artifact.files, isCount: true },
  ].filter((row) => Number.isFinite(row.old) && Number.isFinite(row.now));
  const cell = (row, value) => (row.isCount ? make("span", {}, exact(value)) : size(value));
  const change = (row) => (row.isCount ? make("span", {}, signed(row.now - row.old, exact)) : difference(row.now - row.old));
  const line = (row) =>
    make("tr", {}, make("th", { scope: "row", class: "text" }, row.title), make("td", { class: "number" }, cell(row, row.old)), make("td", { class: "number" }, cell(row, row.now)), make("td", { class: "number" }, change(row)));
  const heads = ["", "Before", "After", "Difference"].map((title, place) => (place === 0 ? make("td") : make("th", { scope: "col", class: "number plain" }, title)));
  fill("change-totals", make("table", { class: "totals" }, make("caption", { class: "unseen" }, "Totals before and after"), make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows.map(line))));
}

// `new`, `gone`, `version` (another one), `grew`, `shrank` or `same`
function becameOf({ before, after }) {
  if (!before || !after) {
    return before ? "gone" : "new";
  }
  if (before.version !== after.version) {
    return "version";
  }
  return after.unpacked === before.unpacked ? "same" : after.unpacked > before.unpacked ? "grew" : "shrank";
}

function versionsOf({ before, after }) {
  const [old, now] = [before?.version, after?.version];
  return old && now && old !== now ? `${old} → ${now}` : (now ?? old ?? "");
}

function drawPartChanges(parts) {
  const became = {
    key: "became",
    title: "Became",
    class: "secondary",
    value: becameOf,
    cell: (row) => make("span", { class: `badge ${becameOf(row)}` }, { version: "other version", same: "same size" }[becameOf(row)] ?? becameOf(row)),
  };
  const more = (row) => (row.after?.files ?? 0) - (row.before?.files ?? 0);
  const files = { key: "files", title: "Files", numeric: true, class: "secondary", value: more, cell: (row) => signed(more(row), exact) };
  const columns = [
    { key: "name", title: "Part", value: (row) => row.name, cell: partChange },
    became,
    ...changeColumns((row) => row.before?.unpacked, (row) => row.after?.unpacked),
    files,
  ];
  showRows(makeTable("change-parts", "Parts that changed", columns, { key: "difference", descending: true }, 15), parts);
}

// Before, after and the difference, which sorts by how large it is. What is not there on one side is `new` or `gone`.
function changeColumns(before, after) {
  const old = (row) => before(row) ?? 0;
  const now = (row) => after(row) ?? 0;
  const side = (value, absent) => (row) => (Number.isFinite(value(row)) ? size(value(row)) : make("span", { class: "absent" }, absent));
  return [
    { ...bytesColumn("before", "Before", old), cell: side(before, "new") },
    { ...bytesColumn("after", "After", now), cell: side(after, "gone") },
    { ...changeColumn("difference", "Difference", (row) => now(row) - old(row)), value: (row) => Math.abs(now(row) - old(row)) },
  ];
}

function partChange(row) {
  const rules = row.removed.map(({ rule, before, after }) => make("small", {}, `removed by slimming, ${ruleTitle(rule)}: ${human(before)} → ${human(after)}`));
  return make("span", { class: "stack" }, `${row.name} ${versionsOf(row)}`, ...rules);
}

function drawFileChanges(files) {
  const columns = [
    { key: "path", title: "Path", value: (row) => row.path },
    ...changeColumns((row) => row.before, (row) => row.after),
  ];
  showRows(makeTable("change-files", "Files that changed", columns, { key: "difference", descending: true }, 10), files);
}
