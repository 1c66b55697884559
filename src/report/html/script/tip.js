// What the pointer is on, beside it. The line below the map says the same to those who use no mouse.

function showTip(node, x, y) {
  const tip = byId("tip");
  const [name, ...rest] = describe(node);
  fill("tip", make("strong", {}, name), ...rest.map((text) => make("span", {}, text)));
  tip.hidden = false;
  const left = x + 14 + tip.offsetWidth > innerWidth ? x - tip.offsetWidth - 10 : x + 14;
  const top = y + 16 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 10 : y + 16;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = `${Math.max(top, 4)}px`;
}

function hideTip() {
  byId("tip").hidden = true;
}
