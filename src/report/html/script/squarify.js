// Squarified treemaps (Bruls, Huizing, van Wijk, 2000): rectangles by size that are as near to squares as can be.

// Items are sorted, the largest first, and have a `size` above zero. Returns [{ item, x, y, width, height }].
function squarify(items, x, y, width, height) {
  const total = items.reduce((sum, item) => sum + item.size, 0);
  const scale = total > 0 ? (width * height) / total : 0;
  const placed = [];
  let start = 0;
  while (start < items.length) {
    const side = Math.min(width, height);
    let area = items[start].size * scale;
    let end = start + 1;
    let worst = ratio(area, area, area, side);
    for (; end < items.length; end += 1) {
      const next = items[end].size * scale;
      const smallest = Math.min(next, items[end - 1].size * scale);
      const then = ratio(area + next, items[start].size * scale, smallest, side);
      if (then > worst) {
        break;
      }
      worst = then;
      area += next;
    }
    const thick = side > 0 ? area / side : 0;
    let offset = 0;
    for (const item of items.slice(start, end)) {
      const long = thick > 0 ? (item.size * scale) / thick : 0;
      placed.push(
        width >= height
          ? { item, x, y: y + offset, width: thick, height: long }
          : { item, x: x + offset, y, width: long, height: thick },
      );
      offset += long;
    }
    if (width >= height) {
      x += thick;
      width -= thick;
    } else {
      y += thick;
      height -= thick;
    }
    start = end;
  }
  return placed;
}

// The worst ratio of sides in a row of this area along a side.
function ratio(area, largest, smallest, side) {
  const square = side * side;
  return Math.max((square * largest) / (area * area), (area * area) / (square * smallest));
}
