// Numbers and names as people read them.

// `198.3 MB`, in decimal units, as the text of a report has it.
function human(bytes) {
  for (const [size, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (bytes >= size) {
      const value = bytes / size;
      // Rust rounds the exact half to the even digit, toFixed to the larger one.
      return `${(value % 1 === 0.25 ? value - 0.05 : value).toFixed(1)} ${unit}`;
    }
  }
  return `${bytes} B`;
}

// `198,334,112`
function exact(number) {
  return number.toLocaleString("en-US");
}

// `+4.1 MB`, `−4.1 MB`, `0 B`
function signed(bytes, format = human) {
  const sign = bytes > 0 ? "+" : bytes < 0 ? "−" : "";
  return sign + format(Math.abs(bytes));
}

// `12.3 %`
function percent(part, whole) {
  const share = whole > 0 ? (part / whole) * 100 : 0;
  return share > 0 && share < 0.05 ? "<0.1 %" : `${share.toFixed(1)} %`;
}

// `1 file`, `1,234 files`
function counted(number, word) {
  return `${exact(number)} ${word}${number === 1 ? "" : "s"}`;
}

// Names come from archives of others: characters that are not seen, or that turn the text around, are written as codes.
function shown(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
