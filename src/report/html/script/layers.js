// Layers: those of an image, the base's apart from ours, or those of a function.

function drawLayers(artifact) {
  const ofFunction = artifact.with_layers?.layers ?? [];
  byId("layers").hidden = artifact.layers.length === 0 && ofFunction.length === 0;
  if (artifact.layers.length > 0) {
    drawImageLayers(artifact.layers);
  } else if (ofFunction.length > 0) {
    const rows = [{ name: "the function itself", unpacked: artifact.unpacked, packed: artifact.packed ?? 0 }, ...ofFunction].map((row, place) => ({ ...row, place }));
    const whole = artifact.with_layers.unpacked;
    const table = makeTable(
      "layers-table",
      "The function and its layers",
      [
        { key: "name", title: "Layer", value: (row) => row.place, cell: (row) => make("span", {}, row.name) },
        bytesColumn("packed", "Packed", (row) => row.packed),
        bytesColumn("unpacked", "Unpacked", (row) => row.unpacked),
        shareColumn((row) => row.unpacked, () => whole),
      ],
      { key: "name", descending: false },
    );
    showRows(table, rows);
  }
}

function drawImageLayers(layers) {
  const rows = layers.map((layer, place) => ({ ...layer, place: place + 1 }));
  const sum = (base, key) => rows.filter((row) => row.of_base === base).reduce((total, row) => total + row[key], 0);
  const whole = sum(true, "unpacked") + sum(false, "unpacked");
  const table = makeTable(
    "layers-table",
    "Layers of the image, the lowest first",
    [
      { key: "place", title: "Layer", value: (row) => row.place, cell: (row) => make("span", { title: row.digest }, `${row.place} `, row.what || "nothing") },
      { key: "of", title: "Of", value: (row) => Number(row.of_base), cell: (row) => make("span", { class: `badge ${row.of_base ? "base" : "own"}` }, row.of_base ? "base" : "ours") },
      { key: "files", title: "Files seen", numeric: true, value: (row) => row.files, cell: (row) => exact(row.files) },
      bytesColumn("packed", "Packed", (row) => row.packed),
      bytesColumn("unpacked", "Unpacked", (row) => row.unpacked),
      shareColumn((row) => row.unpacked, () => whole),
    ],
    { key: "place", descending: false },
  );
  showRows(table, rows);
  const total = (title, base) => make("li", {}, make("b", {}, title), " ", size(sum(base, "unpacked")), " unpacked, ", size(sum(base, "packed")), " packed");
  byId("layers-table").prepend(make("ul", { class: "facts" }, total("ours", false), total("base", true)));
}

function bytesColumn(key, title, value) {
  return { key, title, numeric: true, value, cell: (row) => size(value(row)) };
}

function changeColumn(key, title, value) {
  return { key, title, numeric: true, value, cell: (row) => difference(value(row)) };
}

function shareColumn(value, whole) {
  const cell = (row) => make("span", { class: "share" }, bar([value(row)], whole(), "plain"), make("span", {}, percent(value(row), whole())));
  return { key: "share", title: "Share", numeric: true, class: "wide-share", value, cell };
}
